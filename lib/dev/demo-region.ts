/** Where the demo's customers live: what their orders have in common. */
export interface DemoRegion {
  readonly locale: string;
  readonly timeZone: string;
  readonly currency: string;
  /** Of the currency, behind the point (ISO 4217). */
  readonly digits: number;
  /** E.164; each `#` is any digit. Mobile numbers as the country's plan has them. */
  readonly phone: string;
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly products: readonly string[];
}

/** Names with letters that programs get wrong: stacked marks, two directions, apostrophes and hyphens. */
export const demoRegions: readonly DemoRegion[] = [
  {
    locale: 'pl',
    timeZone: 'Europe/Warsaw',
    currency: 'PLN',
    digits: 2,
    phone: '+48601######',
    first: ['Łukasz', 'Świętosława', 'Zdzisław', 'Józefina', 'Wojciech'],
    last: ['Żółć', 'Brzęczyszczykiewicz', 'Wiśniewska', 'Ćwikła', 'Nowak-Święcicka'],
    products: ['Wiza turystyczna', 'Ubezpieczenie podróżne', 'Tłumaczenie przysięgłe', 'Zdjęcie do wizy'],
  },
  {
    locale: 'de',
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    digits: 2,
    phone: '+491511#######',
    first: ['Jürgen', 'Zoë', 'Günther', 'Änne', 'Friederike'],
    last: ['Müller-Lüdenscheidt', 'Groß', 'von Weiß', 'Öztürk', 'Schäfer'],
    products: ['Touristenvisum', 'Reiseversicherung', 'Beglaubigte Übersetzung', 'Passfoto'],
  },
  {
    locale: 'en',
    timeZone: 'America/New_York',
    currency: 'USD',
    digits: 2,
    phone: '+12125######',
    first: ['Siobhán', 'Anne-Marie', 'José', 'Chloë', 'Dmitri'],
    last: ["O'Neill", 'Fitz & Sons', 'Núñez', 'St. John', 'Smith'],
    products: ['Tourist visa', 'Travel insurance', 'Sworn translation', 'Passport photo (35 × 45 mm)'],
  },
  {
    locale: 'he',
    timeZone: 'Asia/Jerusalem',
    currency: 'ILS',
    digits: 2,
    phone: '+972523######',
    first: ['דוד', 'שׂרה', 'יעקב', "ג'ניפר", 'נעמה'],
    last: ['כהן', 'לוי', 'בן־דוד', "צ'רניחובסקי", 'מזרחי'],
    products: ['אשרת תייר', 'ביטוח נסיעות', 'תרגום נוטריוני', 'תמונת דרכון'],
  },
  {
    locale: 'ar-AE',
    timeZone: 'Asia/Dubai',
    currency: 'AED',
    digits: 2,
    phone: '+97150#######',
    first: ['محمد', 'فاطمة', 'عبد الرحمن', 'لُجَيْن', 'يوسف'],
    last: ['الأنصاري', 'بن راشد', 'القحطاني', 'حدّاد', 'الزهراني'],
    products: ['تأشيرة سياحية', 'تأمين السفر', 'ترجمة معتمدة', 'صورة جواز السفر'],
  },
  {
    locale: 'ar-KW',
    timeZone: 'Asia/Kuwait',
    currency: 'KWD',
    digits: 3,
    phone: '+96550######',
    first: ['نوره', 'خالد', 'مريم', 'سعود', 'هيا'],
    last: ['العجمي', 'المطيري', 'الصباح', 'الرشيدي', 'العنزي'],
    products: ['تأشيرة عمل', 'تأمين السفر', 'توصيل', 'صورة جواز السفر'],
  },
  {
    locale: 'ru',
    timeZone: 'Asia/Yekaterinburg',
    currency: 'RUB',
    digits: 2,
    phone: '+7916#######',
    first: ['Алёна', 'Пётр', 'Ксения', 'Юрий', 'Зоя'],
    last: ['Щербаков', 'Ёлкина', 'Салтыков-Щедрин', 'Иванова', 'Жук'],
    products: ['Туристическая виза', 'Страховка', 'Заверенный перевод', 'Фото на паспорт'],
  },
  {
    locale: 'uk',
    timeZone: 'Europe/Kyiv',
    currency: 'UAH',
    digits: 2,
    phone: '+38067#######',
    first: ['Їжакевич-Олена', 'Ґвідо', 'Оксана', 'Тарас', "В'ячеслав"],
    last: ["Дем'яненко", 'Їжак', 'Ґалаґан', 'Шевченко', 'Мар’янова'],
    products: ['Туристична віза', 'Страхування', 'Завірений переклад', 'Фото на паспорт'],
  },
];

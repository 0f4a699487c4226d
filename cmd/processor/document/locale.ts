/** What a document's language decides. */
export interface DocumentLocale {
  /** BCP 47, as Intl writes it. */
  readonly tag: string;
  /** The direction of its text, as HTML's `dir`. */
  readonly dir: 'ltr' | 'rtl';
  /** The languages whose words it takes, the nearest first. English is the last of all. */
  readonly chain: readonly string[];
}

/** Scripts that are written from right to left, of the languages that Node's Intl has no text direction for. */
const RTL_SCRIPTS = new Set(['Arab', 'Hebr', 'Syrc', 'Thaa', 'Nkoo', 'Adlm', 'Rohg']);

const FALLBACK = 'en';

/** @throws TypeError for what is no language tag */
export function documentLocale(text: string): DocumentLocale {
  let locale: Intl.Locale;
  try {
    locale = new Intl.Locale(text).maximize();
  } catch {
    throw new TypeError(`locale: expected a language tag such as "he" or "de-AT", got ${JSON.stringify(text)}`);
  }
  const tag = new Intl.Locale(text).toString();
  return {
    tag,
    dir: RTL_SCRIPTS.has(locale.script ?? '') ? 'rtl' : 'ltr',
    chain: [...new Set([tag, locale.language, FALLBACK])],
  };
}

/** An amount of money as the locale writes it. @throws TypeError for no number or no currency of ISO 4217's form */
export function moneyText(value: unknown, currency: unknown, { tag }: DocumentLocale): string {
  if (typeof currency !== 'string' || !/^[A-Za-z]{3}$/.test(currency))
    throw new TypeError(`money: expected a currency such as "EUR", got ${JSON.stringify(currency)}`);
  return new Intl.NumberFormat(tag, { style: 'currency', currency }).format(numberOf(value, 'money'));
}

export function numberText(value: unknown, { tag }: DocumentLocale): string {
  return new Intl.NumberFormat(tag).format(numberOf(value, 'number'));
}

/** A moment as the locale writes it, in a time zone of IANA. @throws TypeError for no moment, or no zone */
export function momentText(value: unknown, timeZone: unknown, { tag }: DocumentLocale): string {
  const at = new Date(typeof value === 'number' ? value : String(value));
  if (Number.isNaN(at.getTime())) throw new TypeError(`moment: expected a moment in RFC 3339, got ${JSON.stringify(value)}`);
  try {
    const zone = typeof timeZone === 'string' ? timeZone : 'UTC';
    return new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeStyle: 'short', timeZone: zone }).format(at);
  } catch {
    throw new TypeError(`moment: expected a time zone such as "Europe/Warsaw", got ${JSON.stringify(timeZone)}`);
  }
}

/** Workflows render every value to text. */
function numberOf(value: unknown, filter: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw new TypeError(`${filter}: expected a number, got ${JSON.stringify(value)}`);
  return number;
}

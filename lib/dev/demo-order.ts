import { seededRandom } from '../core/seeded-random.ts';
import { demoRegions, type DemoRegion } from './demo-region.ts';

/** What an `order.paid` event of the demo says; made up, and the same for the same seed and number. */
export interface DemoOrder {
  /** The event's key. */
  readonly number: string;
  readonly customer: string;
  /** At a domain that nobody has (RFC 2606). */
  readonly email: string;
  /** E.164. */
  readonly phone: string;
  /** BCP 47: what the receipt is written in. */
  readonly locale: string;
  /** IANA. */
  readonly timeZone: string;
  /** ISO 4217. */
  readonly currency: string;
  readonly items: readonly { readonly name: string; readonly quantity: number; readonly price: string }[];
  /** In the currency's own digits, as `129.80`: a text, so that nothing is rounded. */
  readonly total: string;
  /** RFC 3339 in UTC. */
  readonly paidAt: string;
}

const FIRST_NUMBER = 1_000;
/** Orders of a year before this moment. */
const LAST_PAID_MS = Date.UTC(2026, 10, 1);
const YEAR_S = 31_536_000;
/** One customer in so many has a name in two scripts. */
const TWO_NAMES = 10;

/** Order number `index` (from 0) of a seed. Pure: any of them may be asked for alone. */
export function demoOrder(seed: number, index: number): DemoOrder {
  const random = seededRandom(seedOf(`${seed}/${index}`));
  const upTo = (count: number): number => Math.floor(random() * count);
  const one = <Item>(items: readonly Item[]): Item => items[upTo(items.length)]!;
  const region = one(demoRegions);
  const number = `${String.fromCodePoint(65 + (Math.abs(seed) % 26))}-${FIRST_NUMBER + index}`;
  const items = Array.from({ length: 1 + upTo(4) }, () => ({
    name: one(region.products),
    quantity: 1 + upTo(3),
    units: 100 + upTo(50_000),
  }));
  const total = items.reduce((sum, { quantity, units }) => sum + quantity * units, 0);
  const second = upTo(TWO_NAMES) === 0 ? ` / ${nameOf(one(demoRegions), one)}` : '';
  return {
    number,
    customer: nameOf(region, one) + second,
    email: `${number.toLowerCase()}@example.org`,
    phone: region.phone.replaceAll('#', () => String(upTo(10))),
    locale: region.locale,
    timeZone: region.timeZone,
    currency: region.currency,
    items: items.map(({ name, quantity, units }) => ({ name, quantity, price: amount(units, region) })),
    total: amount(total, region),
    paidAt: new Date(LAST_PAID_MS - upTo(YEAR_S) * 1_000).toISOString(),
  };
}

/** An order as a CloudEvent in structured mode. The same order is the same event: sent again it is a duplicate. */
export function orderPaidEvent(order: DemoOrder): Readonly<Record<string, unknown>> {
  return {
    specversion: '1.0',
    id: `order-${order.number}-paid`,
    source: '/shop',
    type: 'order.paid',
    subject: order.number,
    time: order.paidAt,
    datacontenttype: 'application/json',
    data: order,
  };
}

function nameOf({ first, last }: DemoRegion, one: <Item>(items: readonly Item[]) => Item): string {
  return `${one(first)} ${one(last)}`;
}

function amount(units: number, { digits }: DemoRegion): string {
  return (units / 10 ** digits).toFixed(digits);
}

/** FNV-1a, 32 bits, of the text. */
function seedOf(text: string): number {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 0x01000193);
  return state;
}

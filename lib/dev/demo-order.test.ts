import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isValidPhoneNumber } from 'libphonenumber-js/max';
import { parseEmailAddress } from '../core/email-address.ts';
import { demoOrder, orderPaidEvent } from './demo-order.ts';
import { demoRegions } from './demo-region.ts';

const orders = Array.from({ length: 2_000 }, (_, index) => demoOrder(7, index));

test('the same seed and number make the same order, in any order and on any machine', () => {
  assert.deepEqual(demoOrder(7, 1_999), orders[1_999]);
  assert.notDeepEqual(demoOrder(8, 0), orders[0]);
  assert.equal(new Set(orders.map(({ number }) => number)).size, orders.length);
  const { number, customer, phone, total, currency, paidAt } = demoOrder(1, 2);
  assert.deepEqual(
    [number, customer, phone, total, currency, paidAt],
    ['B-1002', 'Jürgen Schäfer', '+4915116787050', '2304.35', 'EUR', '2026-08-05T19:00:30.000Z'],
  );
});

test('names come in Latin, Hebrew, Arabic and Cyrillic, and some in two of them', () => {
  const scripts = ['Latin', 'Hebrew', 'Arabic', 'Cyrillic'].map((script) => new RegExp(`\\p{Script=${script}}`, 'u'));
  for (const script of scripts) assert.ok(orders.filter(({ customer }) => script.test(customer)).length > 100, String(script));
  const both = orders.filter(({ customer }) => customer.includes(' / ') && scripts.filter((script) => script.test(customer)).length > 1);
  assert.ok(both.length > 50, String(both.length));
});

test('phones are of their plans, addresses can be sent to, amounts add up in the digits of their currency', () => {
  const digitsOf = new Map(demoRegions.map(({ currency, digits }) => [currency, digits]));
  const units = (text: string): bigint => BigInt(text.replace('.', ''));
  for (const { phone, email, total, items, currency } of orders) {
    assert.ok(isValidPhoneNumber(phone), phone);
    assert.equal(parseEmailAddress(email), email);
    assert.equal(total.split('.')[1]?.length, digitsOf.get(currency), `${total} ${currency}`);
    const sum = items.reduce((so, { quantity, price }) => so + BigInt(quantity) * units(price), 0n);
    assert.equal(sum, units(total));
  }
  for (const { phone, currency, digits, locale, timeZone } of demoRegions) {
    for (const digit of '0123456789') assert.ok(isValidPhoneNumber(phone.replaceAll('#', digit)), `${phone} ${digit}`);
    assert.equal(new Intl.NumberFormat(locale, { style: 'currency', currency }).resolvedOptions().maximumFractionDigits, digits);
    assert.doesNotThrow(() => new Date(orders[0]!.paidAt).toLocaleString(locale, { timeZone }));
  }
});

test('an order is an event whose key is its number', () => {
  const event = orderPaidEvent(orders[0]!);
  assert.deepEqual([event['id'], event['type'], event['subject']], [`order-${orders[0]!.number}-paid`, 'order.paid', orders[0]!.number]);
  assert.deepEqual(event['data'], orders[0]);
});

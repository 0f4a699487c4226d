import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { actor, type ConformanceBench } from '../lib/actor/conformance/bench.ts';
import { done, retry } from '../lib/actor/verdict.ts';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { openRealBench } from './real-bench.ts';
import { until } from './system-bed.ts';

const BULK = scaled({ day: 100_000, night: 1_000_000 });
/** Of them, beside critical ones. */
const WORKED_OFF = scaled({ day: 7_000, night: 140_000 });
const BEHIND = scaled({ day: 2_000, night: 50_000 });
const CRITICAL = scaled({ day: 40, night: 1_000 });
/** At once, beside the backlog. */
const FLOOD = 500;
const SLOTS = 8;

/** Publishes many at once, in the order of their numbers. */
async function sendMany(
  bench: ConformanceBench,
  count: number,
  message: (number: number) => Parameters<ConformanceBench['send']>[0],
): Promise<void> {
  for (let from = 0; from < count; from += 1_000)
    await Promise.all(Array.from({ length: Math.min(1_000, count - from) }, (_, i) => bench.send(message(from + i))));
}

test('beside a backlog of bulk a critical message is done while little of it is, and bulk keeps its share of a flood of critical ones', async (t) => {
  const bench = await openRealBench(t);
  await sendMany(bench, BULK, (number) => ({ actor: 'tester', key: `b${number % 500}`, body: 'bulk', priority: 'bulk' }));
  const seen = { bulk: 0, critical: 0 };
  const running = bench.start(
    [
      actor(
        async (body) => {
          await wait(1);
          if (body === 'bulk') seen.bulk++;
          else seen.critical++;
          return done();
        },
        { slots: SLOTS },
      ),
    ],
    { timing: { checkMs: 500 } },
  );
  await until('bulk runs', () => seen.bulk > 100, 60_000);
  const waits: { bulk: number; ms: number }[] = [];
  for (let i = 0; i < CRITICAL && seen.bulk < WORKED_OFF; i++) {
    await bench.send({ actor: 'tester', key: `c${i}`, body: 'critical', priority: 'critical' });
    const { bulk } = seen;
    const acceptedAt = performance.now();
    await until('a critical one is done', () => seen.critical > i, 60_000);
    waits.push({ bulk: seen.bulk - bulk, ms: performance.now() - acceptedAt });
  }
  assert.ok(waits.length >= 3, `${seen.bulk} of bulk went by beside ${waits.length} critical ones`);
  const overtaken = waits.map(({ bulk }) => bulk).toSorted((a, b) => a - b);
  const middle = overtaken[Math.floor(overtaken.length / 2)]!;
  assert.ok(middle < WORKED_OFF / 10, `in the middle ${middle} of bulk went before a critical one`);

  const before = seen.bulk;
  await sendMany(bench, FLOOD, (number) => ({ actor: 'tester', key: `f${number}`, body: 'critical', priority: 'critical' }));
  await until('the flood is done', () => seen.critical === waits.length + FLOOD, 60_000);
  assert.ok(seen.bulk - before >= FLOOD / 32, `${seen.bulk - before} of bulk beside ${FLOOD} critical ones`);
  assert.ok(seen.bulk < BULK, 'there was no backlog any more');
  await running.stop();
  const times = waits.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const p99 = times[Math.ceil(times.length * 0.99) - 1]!;
  t.diagnostic(`in the middle ${middle} of ${BULK} went before a critical one; p99 from its acceptance ${Math.round(p99)} ms`);
  if (isNight) assert.ok(p99 < 1_000, `p99 ${p99} ms`);
});

test(`${BEHIND} messages of one key behind a failing one: other keys go on, and they run in order, also when their owner dies meanwhile`, async (t) => {
  const bench = await openRealBench(t);
  let isFailing = true;
  const seen: number[] = [];
  const others: string[] = [];
  const start = (owner: string) =>
    bench.start(
      [
        actor(
          (body, { message: { key } }) => {
            if (key !== 'stuck') others.push(body);
            else if (body === '0' && isFailing) return retry({ because: 'not yet' });
            else seen.push(Number(body));
            return done();
          },
          { retry: { attempts: 1_000_000, delayMs: () => 200 } },
        ),
      ],
      { owner, timing: { checkMs: 500 } },
    );
  const first = start('first');
  await sendMany(bench, BEHIND, (number) => ({ actor: 'tester', key: 'stuck', body: String(number) }));
  const other = async (body: string): Promise<void> => {
    await bench.send({ actor: 'tester', key: `other ${body}`, body });
    await until(`${body} is done, behind all of them`, () => others.includes(body), 60_000);
  };
  await other('one');
  assert.deepEqual(seen, []);
  await until('all of them wait', async () => (await bench.parked()).length === BEHIND, 120_000);
  first.kill();
  const second = start('second');
  await other('two');
  assert.deepEqual(seen, []);
  isFailing = false;
  await until('half of them are done', () => seen.length >= BEHIND / 2, isNight ? 1_200_000 : 120_000);
  second.kill();
  const third = start('third');
  await other('three');
  await until('all of them are done', () => new Set(seen).size === BEHIND, isNight ? 1_200_000 : 120_000);
  await until('nothing waits', async () => (await bench.parked()).length === 0);
  await third.stop();
  // What was done at the kill and not settled is done again; never before an earlier one.
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.ok(seen.length - BEHIND <= 1, `${seen.length - BEHIND} were handled twice`);
});

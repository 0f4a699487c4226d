import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openOwnDatabase } from '../../lib/dev/test-bed.ts';
import { createDoorSender } from '../../lib/dev/door-sender.ts';
import { openDoorBed, type LogEvent } from '../door-bed.ts';
import { isReady, until } from '../system-bed.ts';
import { seededRandom } from '../../lib/core/seeded-random.ts';
import { testSeed } from '../../lib/dev/test-seed.ts';

const KEYS = 40;
/** The relay's own limit, see `RELAY_MAX_PER_SECOND`. */
const MAX_PER_SECOND = 2_000;
/** What is promised for the 99th percentile at this rate: below it, twice as much of very little is still little. */
const PROMISED_P99_MS = 25;
/** A sender that found nobody is back after this at the latest. */
const REPEATS_WITHIN_MS = 1_000;
/** From here on it is live traffic again. */
const CAUGHT_UP_SECONDS = 0.5;

export interface Outage {
  /** Events a second. */
  readonly perSecond: number;
  /** How long normal traffic is watched, before and after. Milliseconds. */
  readonly normalMs: number;
  /** How long the broker is away. Milliseconds. */
  readonly outageMs: number;
  /** Whether the 99th percentiles are compared: only where nothing else runs on the machine. */
  readonly isAlone: boolean;
}

interface Sent {
  readonly key: string;
  readonly delivery: string;
  /** When it was due, on the clock of `performance.now()`. */
  readonly dueAt: number;
  readonly firstSentAt: number;
  /** When its 2xx came; undefined: not yet. */
  acceptedAt: number | undefined;
  /** Whether it had to be sent more than once, because nobody was there. */
  isRepeated: boolean;
}

/** More than wait for a restart of ingest, which takes seconds. */
const MOST_OPEN_ALONE = 5_000;
/** A machine that is busy with other tests gets fewer requests, instead of more and more that are given up and sent again. */
const MOST_OPEN = 100;

/** Sends at a fixed rate whatever comes back; what found nobody there is sent again under its id, as a provider would. */
function startTraffic(url: string, perSecond: number, mostOpen: number) {
  const sender = createDoorSender(url);
  const sent: Sent[] = [];
  const refusals: string[] = [];
  const open = new Set<Promise<void>>();
  const startedAt = performance.now();
  let isOver = false;
  let isGivenUp = false;

  const random = seededRandom(testSeed);

  async function send(event: Sent): Promise<void> {
    while (!isGivenUp) {
      const { status } = await sender.post(event.key, event.delivery);
      if (status !== undefined && status >= 200 && status < 300) {
        event.acceptedAt = performance.now();
        return;
      }
      if (status !== undefined) refusals.push(`${status} at ${Math.round(performance.now() - startedAt)} ms`);
      event.isRepeated = true;
      await wait((0.5 + random() * 0.5) * REPEATS_WITHIN_MS);
    }
  }

  const timer = setInterval(() => {
    const now = performance.now();
    for (
      let dueAt = startedAt + (sent.length * 1_000) / perSecond;
      dueAt <= now && !isOver && open.size < mostOpen;
      dueAt += 1_000 / perSecond
    ) {
      const event: Sent = {
        key: `load/key${sent.length % KEYS}`,
        delivery: `event-${sent.length}`,
        dueAt,
        firstSentAt: now,
        acceptedAt: undefined,
        isRepeated: false,
      };
      sent.push(event);
      const sending = send(event).finally(() => open.delete(sending));
      open.add(sending);
    }
  }, 2);
  return {
    sent,
    refusals,
    /** Where the test has failed nobody answers any more. */
    giveUp() {
      isOver = true;
      isGivenUp = true;
      clearInterval(timer);
      sender.stop();
    },
    async stop() {
      isOver = true;
      clearInterval(timer);
      await Promise.all(open);
      sender.stop();
    },
  };
}

/** Of what was due in the window and found somebody there: milliseconds from due to accepted. */
function p99(sent: readonly Sent[], fromMs: number, toMs: number): number {
  const latencies = sent
    .filter(({ dueAt, isRepeated }) => dueAt >= fromMs && dueAt < toMs && !isRepeated)
    .map(({ dueAt, acceptedAt = Infinity }) => acceptedAt - dueAt)
    .toSorted((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] ?? NaN;
}

/** Whether an event lies in the log behind one that was sent only after its own acceptance. */
function reordered(log: readonly LogEvent[], sent: ReadonlyMap<string, Sent>): string[] {
  const latestSent = new Map<string, number>();
  const found: string[] = [];
  for (const { key, delivery } of log) {
    const { acceptedAt = Infinity, firstSentAt } = sent.get(delivery)!;
    const latest = latestSent.get(key) ?? -Infinity;
    if (acceptedAt < latest) found.push(`${delivery} of ${key}`);
    latestSent.set(key, Math.max(latest, firstSentAt));
  }
  return found;
}

async function readMetric(opsUrl: string, line: string): Promise<number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? NaN);
}

/** Stops the broker, then by night the database, then kills ingest, all under traffic; then brings everything back and looks at the log. */
export async function runOutage(t: TestContext, { perSecond, normalMs, outageMs, isAlone }: Outage): Promise<void> {
  // The door has no address of a database: what takes seconds to set up is shown where there is time.
  const database = isAlone ? await openOwnDatabase(t) : undefined;
  const bed = await openDoorBed(t);
  const ingest = await bed.ingest('door');
  const program = ingest.program();
  await bed.keep(program);
  await until('ingest is ready', () => isReady(program.readyUrl), 30_000);

  const traffic = startTraffic(ingest.url, perSecond, isAlone ? MOST_OPEN_ALONE : MOST_OPEN);
  t.after(() => traffic.giveUp());
  // The first requests compile the code.
  await wait(Math.min(3_000, 2 * normalMs));
  const normalFrom = performance.now();
  await wait(normalMs);
  const normalTo = performance.now();

  const outageFrom = performance.now();
  await bed.broker.stop();
  const goneFrom = performance.now();
  await wait(outageMs / 3);
  await database?.stop();
  await until('an event that comes now is stored', () => isReady(program.readyUrl));
  await wait(outageMs / 3);
  process.kill(program.pid!, 'SIGKILL');
  await until('ingest is back', () => isReady(program.readyUrl), 30_000);
  await wait(Math.max(2 * REPEATS_WITHIN_MS, outageFrom + outageMs - performance.now()));
  const outageTo = performance.now();

  const backlog = await readMetric(ingest.opsUrl, 'visapi_journal_records');
  // The relay begins before we hear that the broker is there, on a busy machine much earlier.
  const backFrom = performance.now();
  await bed.broker.start();
  const drainFrom = performance.now();
  // Reading the metrics costs the process milliseconds that are not the relay's: once in half a second.
  for (let lag = Infinity; lag > CAUGHT_UP_SECONDS; await wait(500)) {
    lag = await readMetric(ingest.opsUrl, 'visapi_relay_lag_seconds');
    assert.ok(performance.now() - drainFrom < 90_000, `${lag} s behind after 90 s`);
  }
  const drainTo = performance.now();
  await wait(normalMs);
  const afterTo = performance.now();
  await traffic.stop();
  await until('all is relayed', async () => (await readMetric(ingest.opsUrl, 'visapi_journal_records')) === 0);

  const { sent, refusals } = traffic;
  // Of before and after: what else the machine does changes within a minute.
  const normal = Math.max(p99(sent, normalFrom, normalTo), p99(sent, drainTo, afterTo));
  const outage = p99(sent, outageFrom, outageTo);
  const draining = p99(sent, drainFrom, drainTo);
  const repeated = sent.filter(({ isRepeated }) => isRepeated).length;
  const seconds = (drainTo - backFrom) / 1_000;
  t.diagnostic(
    `${sent.length} events, ${repeated} found nobody at first; p99 ${normal.toFixed(1)} ms normally, ${outage.toFixed(1)} ms without a broker`,
  );
  t.diagnostic(`${backlog} waited, gone in ${seconds.toFixed(1)} s; p99 ${draining.toFixed(1)} ms meanwhile`);
  assert.deepEqual(refusals, [], 'a live ingest answers 2xx');
  const accepted = sent.filter(({ firstSentAt, acceptedAt = Infinity }) => firstSentAt > goneFrom && acceptedAt < outageTo).length;
  assert.ok(backlog >= accepted, `${backlog} waited of ${accepted} that were accepted without a broker`);
  // By day the machine may be too busy for the whole rate.
  assert.ok(accepted > (perSecond * outageMs * (isAlone ? 0.8 : 0.2)) / 1_000, `${accepted} were accepted without a broker`);
  const log = await bed.events();
  const byDelivery = new Map(sent.map((event) => [event.delivery, event]));
  assert.deepEqual(log.map(({ delivery }) => delivery).toSorted(), [...byDelivery.keys()].toSorted(), 'each is in the log once');
  assert.deepEqual(reordered(log, byDelivery), []);
  assert.ok(seconds > (0.9 * backlog) / MAX_PER_SECOND, `${backlog} in ${seconds} s are more than ${MAX_PER_SECOND} a second`);
  if (!isAlone) return;
  assert.ok(draining < Math.max(2 * normal, PROMISED_P99_MS), `p99 ${draining} ms while the backlog drains, ${normal} ms normally`);
}

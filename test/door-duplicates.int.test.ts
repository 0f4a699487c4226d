import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createLogAcceptor } from '../cmd/ingest/acceptor.ts';
import { createEventLog, type EventLog } from '../cmd/ingest/event-log.ts';
import { githubHeaders, openIngestBed, post } from '../cmd/ingest/ingest-bed.ts';
import { createJournalAcceptor } from '../cmd/ingest/journal-acceptor.ts';
import { systemClock } from '../lib/core/clock.ts';
import { Secret } from '../lib/core/secret.ts';
import { openBrokerLink } from '../lib/jetstream/broker-link.ts';
import { openJournal } from '../lib/journal/open-journal.ts';
import { createRelay } from '../lib/journal/relay.ts';
import { createLog } from '../lib/telemetry/log.ts';
import { relayMetrics } from '../lib/telemetry/door-metrics.ts';
import { createRegistry, publisherMetrics } from '../lib/telemetry/metrics.ts';
import { openDoorBed, type DoorBed } from './door-bed.ts';
import { until } from './system-bed.ts';

/** The broker itself knows an id again for this long only, so that it is not what helps here. */
const WINDOW_MS = 100;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const BODY = '{"action":"published"}';
const SILENT = createLog({ program: 'ingest', env: 'development', version: '0', level: 'silent' });

const registry = () => createRegistry({ program: 'ingest', version: '0', env: 'development' });

async function openLog(bed: DoorBed): Promise<EventLog> {
  const natsUrl = new Secret(bed.broker.url);
  const config = { natsUrl, natsUser: undefined, natsPassword: undefined, natsMonitorUrl: 'http://127.0.0.1:1', allowUnsafeBroker: true };
  const link = await openBrokerLink(config, 'test', SILENT);
  bed.endings.push(() => link.close());
  const log = createEventLog(link, publisherMetrics(registry()));
  bed.endings.push(() => log.stop(1_000));
  return log;
}

/** One life of a door in this process, over the journal in the bed's folder. */
async function openDoor(t: TestContext, bed: DoorBed, log: EventLog, now: () => number) {
  const journal = await openJournal({ path: join(bed.folder, 'journal'), maxBytes: 1_000_000, now });
  const metrics = relayMetrics(registry());
  const relay = createRelay({ journal, log, metrics, logger: SILENT, maxPerSecond: 1_000, clock: { ...systemClock, now } });
  relay.start();
  const acceptor = createJournalAcceptor({ journal, relay, acceptAfter: 'journal', acceptedEarly: metrics.acceptedEarly });
  const { url } = await openIngestBed(t, { acceptor, now });
  const close = async (): Promise<void> => {
    await relay.stop(1_000);
    await journal.close();
  };
  bed.endings.push(close);
  return { url, journal, close };
}

test('the same id ten times at once, after three minutes, in another life and after five days is one event', async (t) => {
  const bed = await openDoorBed(t, { duplicateWindowMs: WINDOW_MS });
  const log = await openLog(bed);
  let now = Date.now();
  const first = await openDoor(t, bed, log, () => now);
  const send = async (url: string, times: number, id = 'd-1') => {
    const answers = await Promise.all(Array.from({ length: times }, () => post(url, BODY, githubHeaders(BODY, id))));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    assert.equal(new Set(answers.map(({ json }) => json['id'])).size, 1);
    return answers.filter(({ json }) => json['duplicate'] === false).length;
  };
  const relayed = (door: typeof first) => until('all is relayed', () => door.journal.status().depth === 0);

  assert.equal(await send(first.url, 10), 1);
  await relayed(first);
  await wait(2 * WINDOW_MS);
  now += 3 * MINUTE_MS;
  assert.equal(await send(first.url, 1), 0);
  await first.close();

  const second = await openDoor(t, bed, log, () => now);
  assert.equal(await send(second.url, 1), 0);
  now += 5 * DAY_MS;
  assert.equal(await send(second.url, 10), 0);
  assert.equal(await send(second.url, 1, 'd-2'), 1, 'another id is another event');
  await relayed(second);
  assert.deepEqual(
    (await bed.events()).map(({ delivery }) => delivery),
    ['d-1', 'd-2'],
  );
});

test('without a journal only the broker’s window knows an id again: here it is too short', async (t) => {
  const bed = await openDoorBed(t, { duplicateWindowMs: WINDOW_MS });
  const { url } = await openIngestBed(t, { acceptor: createLogAcceptor(await openLog(bed)) });
  for (const pause of [2 * WINDOW_MS, 0]) {
    const { status, json } = await post(url, BODY, githubHeaders(BODY, 'd-1'));
    assert.deepEqual([status, json['duplicate']], [202, false]);
    await wait(pause);
  }
  assert.equal((await bed.events()).length, 2);
});

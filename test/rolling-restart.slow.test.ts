import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createDoorSender } from '../lib/dev/door-sender.ts';
import type { LocalProgram } from '../lib/dev/program.ts';
import { releaseWorkflow, SECRET } from '../lib/dev/release-events.ts';
import { describePrograms, prepareBroker, saveWorkflows, type SystemPrograms } from '../lib/dev/system-programs.ts';
import { openTestBed } from '../lib/dev/test-bed.ts';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { createTestSecrets } from '../lib/dev/test-settings.ts';
import type { SinkMessage } from '../lib/sink/arrivals.ts';
import { type Sink, startSink } from '../lib/sink/sink.ts';
import { type Database, openDatabase } from '../lib/store/database.ts';
import { testStreams } from './test-streams.ts';
import { isReady, until } from './system-bed.ts';

const PER_SECOND = scaled({ day: 10, night: 300 });
const KEYS = Array.from({ length: 20 }, (_, i) => `roll/r${i}`);
/** What the programs run: 4 units of `workflow`, 2 each of `slack` and `email`. */
const UNITS = 8;
/** A lease of 3 s, two looks of half a second, and the opening of a unit. */
const TAKEN_OVER_WITHIN_MS = 5_000;

interface TwoOfEach extends SystemPrograms {
  readonly database: Database;
  readonly sink: Sink;
}

/** Two ingests behind one socket, two processors, two notifiers; nobody starts again what has died. */
async function openTwoOfEach(t: TestContext): Promise<TwoOfEach> {
  const bed = await openTestBed(t);
  const folder = mkdtempSync(join(tmpdir(), 'visapi-two-'));
  const sink = await startSink({ port: 0 });
  const database = await openDatabase({ url: bed.databaseUrl, applicationName: 'test', allowUnsafe: true });
  const secrets = createTestSecrets();
  await saveWorkflows(database, [releaseWorkflow('roll', 'repeat')]);
  await prepareBroker(bed.natsUrl, testStreams(), secrets, [{ name: 'github', preset: 'github', secrets: [{ value: SECRET }] }]);
  const { natsUrl, databaseUrl } = bed;
  const described = await describePrograms({
    folder,
    natsUrl,
    databaseUrl,
    sink,
    secrets,
    processes: 2,
    holdsSocket: true,
    envOf: (name, number) => (name === 'ingest' ? { INGEST_JOURNAL_PATH: join(folder, `journal-${number}`) } : {}),
  });
  const all = Object.values(described.processes).flat();
  t.after(async () => {
    await Promise.all(all.map((each) => each.stop()));
    await sink.stop();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });
  await Promise.all(all.map((each) => each.start()));
  await Promise.all(all.map(untilReady)).catch((error: unknown) => {
    throw new Error(all.map(({ logFile }) => readFileSync(logFile, 'utf8').slice(-500)).join('\n'), { cause: error });
  });
  return { ...described, database, sink };
}

async function untilReady({ name, readyUrl }: LocalProgram): Promise<void> {
  await until(`${name} is ready`, () => isReady(readyUrl), 60_000);
}

async function restart(program: LocalProgram): Promise<void> {
  process.kill(program.pid!, 'SIGTERM');
  await program.whenDown();
  await program.start();
  await untilReady(program);
}

/** What is restarted at the same time: by night one after the other, by day one of each program and then the other, which takes a third. */
function wavesOf(processes: TwoOfEach['processes']): LocalProgram[][] {
  const all = Object.values(processes);
  return isNight ? all.flat().map((each) => [each]) : [0, 1].map((index) => all.map((both) => both[index]!));
}

/** Load at an even pace, from now until it is stopped. */
function beginLoad(url: string) {
  const sender = createDoorSender(url);
  const refusals: string[] = [];
  /** What each accepted event is told as, by its id. */
  const tags = new Map<string, string>();
  let isOver = false;
  const sendKey = async (key: string): Promise<void> => {
    const begun = performance.now();
    for (let number = 0; !isOver; number++) {
      const delivery = `${key.replace('/', '-')}-${number}-${Math.round(begun)}`;
      for (;;) {
        const { status, text } = await sender.post(key, delivery);
        if (status === 202) tags.set((JSON.parse(text) as { id: string }).id, delivery);
        if (status === 202) break;
        // Without an answer (a kept connection that was closed as the request came) a sender tries again.
        if (status !== undefined) refusals.push(`${status} ${text}`);
      }
      await wait(Math.max(0, ((number + 1) * KEYS.length * 1_000) / PER_SECOND - (performance.now() - begun)));
    }
  };
  const sending = KEYS.map(sendKey);
  return {
    refusals,
    tags,
    stop: async () => {
      isOver = true;
      await Promise.all(sending);
      sender.stop();
      return tags.size;
    },
  };
}

interface Handled {
  readonly runs: readonly { readonly id: string; readonly event: string }[];
  readonly repeated: ReadonlySet<string>;
}

/** Waits until so many runs are done, and gives them in the order of the log. */
async function untilHandled(database: Database, count: number): Promise<Handled> {
  const counts = async (): Promise<{ open: number; done: number }> =>
    (
      await database.query<{ open: number; done: number }>({
        text: `select count(*) filter (where status = 'running')::int as open, count(*) filter (where status = 'done')::int as done from runs`,
      })
    )[0]!;
  await until(
    `${count} runs are done`,
    async () => {
      const { open, done } = await counts();
      return open === 0 && done >= count;
    },
    120_000,
  );
  const runs = await database.query<Handled['runs'][number] & { [column: string]: unknown }>({
    text: `select id, event_id as event from runs order by event_seq`,
  });
  const repeated = await database.query<{ id: string }>({ text: 'select message_id as id from effects where repeats > 0' });
  return { runs, repeated: new Set(repeated.map(({ id }) => id)) };
}

async function ownersOf(database: Database): Promise<string[]> {
  const rows = await database.query<{ owner: string }>({
    text: 'select owner from units where lease_until > clock_timestamp() and owner is not null',
  });
  return rows.map(({ owner }) => owner);
}

async function untilShared({ database }: TwoOfEach): Promise<void> {
  await until(
    'each process has half of the units',
    async () => {
      const owners = await ownersOf(database);
      const halves = { processor: 2, 'processor-2': 2, notifier: 2, 'notifier-2': 2 };
      return Object.entries(halves).every(([name, count]) => owners.filter((owner) => owner === name).length === count);
    },
    60_000,
  );
}

async function arrived({ sink }: TwoOfEach): Promise<string[]> {
  const messages = (await (await fetch(`${sink.url}/messages`)).json()) as SinkMessage[];
  return messages.map(({ text }) => text);
}

test('two of each program: a rolling restart under load refuses nothing and repeats nothing, and the units of a killed one run elsewhere, in order', async (t) => {
  const system = await openTwoOfEach(t);
  const { database, processes, ingestUrl } = system;
  await untilShared(system);

  const load = beginLoad(ingestUrl);
  for (const wave of wavesOf(processes)) await Promise.all(wave.map(restart));
  const accepted = await load.stop();
  assert.deepEqual(load.refusals, []);
  const rolled = await untilHandled(database, accepted);
  assert.equal(rolled.runs.length, accepted);
  assert.deepEqual([...rolled.repeated], []);
  const texts = await arrived(system);
  assert.equal(texts.length, accepted);
  assert.equal(new Set(texts).size, accepted, 'each once');
  await untilShared(system);

  const more = beginLoad(ingestUrl);
  await until('there is load', async () => (await arrived(system)).length > accepted + KEYS.length);
  for (const { pid } of [processes.processor[0]!, processes.notifier[0]!]) process.kill(pid!, 'SIGKILL');
  const killedAt = performance.now();
  await until(
    'the others have all units',
    async () => (await ownersOf(database)).filter((owner) => owner.endsWith('-2')).length === UNITS,
    60_000,
  );
  const takenOverMs = Math.round(performance.now() - killedAt);
  const total = accepted + (await more.stop());
  assert.deepEqual(more.refusals, []);
  const { runs, repeated } = await untilHandled(database, total);
  assert.equal(runs.length, total);
  const all = await arrived(system);
  const tags = new Map([...load.tags, ...more.tags]);
  const order = new Map(runs.map(({ event }, index) => [tags.get(event), index]));
  for (const key of KEYS) {
    const told = all.filter((text) => text.startsWith(`${key} `)).map((text) => text.slice(key.length + 1));
    const places = told.map((tag) => order.get(tag) ?? assert.fail(`nobody has sent ${tag}`));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      `order of ${key}`,
    );
  }
  // What was in flight at the kill, and the ledger says so.
  assert.equal(new Set(all).size, total);
  assert.ok(all.length - total <= repeated.size, `${all.length - total} came twice, ${repeated.size} were repeated`);
  t.diagnostic(`${total} events; the units of the killed were taken over after ${takenOverMs} ms, ${repeated.size} effects repeated`);
  if (isNight) assert.ok(takenOverMs <= TAKEN_OVER_WITHIN_MS, `taken over after ${takenOverMs} ms`);
});

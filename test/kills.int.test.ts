import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom } from '../lib/core/seeded-random.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { type ProgramName } from '../lib/dev/system-programs.ts';
import { releaseWorkflow } from '../lib/dev/release-events.ts';
import { openSystem, until, type PostAnswer, type SystemBed } from './system-bed.ts';

/** Events of the first ten keys are told again when their fate is unknown, those of the others are held. */
const KEYS = [...Array.from({ length: 10 }, (_, i) => `again/r${i}`), ...Array.from({ length: 10 }, (_, i) => `hold/r${i}`)];
const EVENTS_PER_SECOND = 50;
const KILLS = 30;
/** The shortest and the longest time between two kills: shorter and longer than a program needs to come back. */
const BETWEEN_KILLS_MS = [500, 1_500] as const;

/** Posts like a provider, at an even pace that catches up after an outage: one key's events in order, the same delivery again until it is acknowledged. */
async function sendKey(system: SystemBed, key: string, isOver: () => boolean, acknowledged: Map<string, string>): Promise<void> {
  const begun = performance.now();
  for (let number = 0; !isOver(); number++) {
    const delivery = randomUUID();
    for (;;) {
      const answer: PostAnswer | undefined = await system.post({ repository: key, tag: String(number), delivery }).catch(() => undefined);
      if (answer?.status === 202) {
        acknowledged.set(answer.id, `${key} ${number}`);
        break;
      }
      await wait(50);
    }
    await wait(Math.max(0, ((number + 1) * KEYS.length * 1_000) / EVENTS_PER_SECOND - (performance.now() - begun)));
  }
}

async function killOne(system: SystemBed, random: () => number): Promise<string> {
  const names = ['ingest', 'processor', 'notifier', 'broker'] as const;
  for (;;) {
    const name = names[Math.floor(random() * names.length)]!;
    if (name === 'broker') {
      await system.broker.kill();
      await system.broker.start();
      return name;
    }
    const { pid } = system.programs[name satisfies ProgramName];
    if (pid === undefined) continue;
    process.kill(pid, 'SIGKILL');
    return name;
  }
}

test('30 kills of programs and broker under load: every accepted event ends done, in order per key, and no recorded effect is repeated', async (t) => {
  const random = seededRandom(testSeed);
  const system = await openSystem(t, [releaseWorkflow('again', 'repeat'), releaseWorkflow('hold', 'hold')]);
  const acknowledged = new Map<string, string>();
  let isOver = false;
  const senders = KEYS.map((key) => sendKey(system, key, () => isOver, acknowledged));
  const kills: Record<string, number> = {};
  for (let kill = 0; kill < KILLS; kill++) {
    const [shortest, longest] = BETWEEN_KILLS_MS;
    await wait(shortest + random() * (longest - shortest));
    const name = await killOne(system, random);
    kills[name] = (kills[name] ?? 0) + 1;
  }
  isOver = true;
  await Promise.all(senders);

  const open = async (): Promise<number> => {
    const [row] = await system.database.query<{ open: string }>({
      text: `select (select count(*) from runs where status = 'running') as open`,
    });
    return Number(row!.open);
  };
  const held = async (): Promise<string[]> =>
    (
      await system.database.query<{ run: string }>({
        text: `select split_part(message_id, '/', 1) as run from effects where state = 'held'`,
      })
    ).map(({ run }) => run);
  const runs = async (): Promise<{ id: string; event: string; status: string }[]> =>
    await system.database.query({ text: `select id, event_id as event, status from runs` });
  await until(
    'every run is done or held',
    async () => (await runs()).length >= acknowledged.size && (await open()) === (await held()).length,
    60_000,
  ).catch(async (error: unknown) => {
    t.diagnostic(`acknowledged ${acknowledged.size}, runs ${(await runs()).length}, open ${await open()}, held ${(await held()).length}`);
    throw error;
  });

  // Nothing lost, nothing invented.
  const all = await runs();
  const heldRuns = new Set(await held());
  const runOfEvent = new Map(all.map((run) => [run.event, run]));
  for (const [id, what] of acknowledged) assert.ok(runOfEvent.has(id), `${what} was acknowledged and has no run`);
  for (const { id, event, status } of all)
    assert.ok(status === 'done' || heldRuns.has(id), `the run of ${acknowledged.get(event) ?? event} is ${status}`);

  const audit = await system.visapi('audit');
  assert.equal(audit.code, 0, audit.stdout);

  // In order per key, and never more often than the ledger says.
  const repeated = new Set(
    (await system.database.query<{ id: string }>({ text: 'select id from effects where repeats > 0' })).map(({ id }) => id),
  );
  const texts = (await system.messages()).map(({ text }) => text);
  for (const key of KEYS) {
    const numbers = texts.filter((text) => text.startsWith(`${key} `)).map((text) => Number(text.slice(key.length + 1)));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      `order of ${key}`,
    );
  }
  let twice = 0;
  for (const [id, what] of acknowledged) {
    const run = runOfEvent.get(id)!;
    const count = texts.filter((text) => text === what).length;
    const isRepeated = repeated.has(`${run.id}/tell/send`);
    // What was killed in its repetition, too, is held after that: each of the two may have arrived.
    if (heldRuns.has(run.id)) assert.ok(count <= (isRepeated ? 2 : 1), `${what} is held and arrived ${count} times`);
    else if (isRepeated) assert.ok(count === 1 || count === 2, `${what} was repeated and arrived ${count} times`);
    else assert.equal(count, 1, `${what} arrived ${count} times`);
    if (count === 2) twice++;
    if (what.startsWith('hold/')) assert.ok(count <= 1, `${what} may only be held, and arrived ${count} times`);
  }
  // On a busy machine some part is away most of the time; a run with fewer would prove little.
  assert.ok(acknowledged.size >= 200, `expected at least 200 events, got ${acknowledged.size}`);
  t.diagnostic(
    `${JSON.stringify(kills)}; ${acknowledged.size} acknowledged, ${texts.length} arrived, ${twice} twice, ${heldRuns.size} held, ${repeated.size} repeated`,
  );
});

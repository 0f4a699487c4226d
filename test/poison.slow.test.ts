import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { slotOf } from '../lib/core/slot.ts';
import { keepAlive } from '../lib/dev/keep-alive.ts';
import { findFreePort } from '../lib/dev/port.ts';
import { createProgram } from '../lib/dev/program.ts';
import { openTestBed } from '../lib/dev/test-bed.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { type BrokerConnection, connectBroker } from '../lib/jetstream/connection.ts';
import { createPublisher, type Publisher } from '../lib/jetstream/publisher.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import { type Database, openDatabase } from '../lib/store/database.ts';
import { type DeadLetterEntry, listDeadLetters } from '../lib/store/dead-letters.ts';
import { roleAddress } from '../lib/store/role-address.ts';
import { testStreams } from './test-streams.ts';
import { commandSubject, STREAMS } from '../streams/subjects.ts';
import { ATTEMPTS, type Deed } from './poison/deed.ts';
import { until } from './system-bed.ts';

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);
/** A healthy process stands still for less, most of the time even on a machine with a load of ten; else it starts once more. */
const WATCHDOG_MS = 1_000;

/** Which keys have a poison as their second of three messages. */
type Poisons = Readonly<Record<string, Deed>>;

interface Outcome {
  readonly dead: readonly DeadLetterEntry[];
  /** Messages in the order in which their handlers were started. */
  readonly starts: readonly string[];
  readonly done: ReadonlySet<string>;
  /** Copies of dead letters in the log. */
  readonly copies: number;
  /** Parked rows. */
  readonly waiting: number;
}

/** The poison program under the name of its actor, started again whenever it dies. */
class Ward {
  readonly actor: string;
  restarts = 0;
  readonly #folder: string;
  readonly #connection: BrokerConnection;
  readonly #publisher: Publisher;
  readonly #database: Database;
  #sent = 0;
  #poisoned = 0;

  constructor(actor: string, folder: string, connection: BrokerConnection, publisher: Publisher, database: Database) {
    this.actor = actor;
    this.#folder = folder;
    this.#connection = connection;
    this.#publisher = publisher;
    this.#database = database;
  }

  /** @returns what ends it */
  async start(env: NodeJS.ProcessEnv): Promise<{ stop(): Promise<void> }> {
    const opsPort = await findFreePort();
    const program = createProgram({
      name: this.actor,
      command: ['test/poison/poison-program.ts', this.actor, join(this.#folder, `${this.actor}.txt`)],
      env: {
        ...env,
        VISAPI_INSTANCE: this.actor,
        PROCESSOR_OPS_PORT: String(opsPort),
        WATCHDOG_FILE: join(this.#folder, `${this.actor}.watchdog.json`),
      },
      logFile: join(this.#folder, `${this.actor}.log`),
      readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
    });
    return await keepAlive(program, { onDown: () => void this.restarts++, onUp: () => undefined, onHopeless: () => undefined });
  }

  /** Sends three messages of each key, and waits until all of them are handled or dead. */
  async poison(round: string, poisons: Poisons): Promise<void> {
    for (const number of [1, 2, 3])
      await Promise.all(
        KEYS.map((key) => {
          const deed = number === 2 ? (poisons[key] ?? 'work') : 'work';
          const subject = commandSubject({ priority: 'default', slot: slotOf(key), actor: this.actor });
          return this.#publisher.publish(
            { id: `${round}/${key}/${number}`, subject, key, headers: {}, body: Buffer.from(deed) },
            AbortSignal.timeout(30_000),
          );
        }),
      );
    this.#sent += 3 * KEYS.length;
    this.#poisoned += Object.keys(poisons).length;
    const isOver = async (): Promise<boolean> => {
      // The file is cheap to look at; the program's neighbours on this machine need the database more.
      if (new Set(this.#idsOf('done')).size + this.#poisoned < this.#sent) return false;
      const { dead, copies } = await this.outcome();
      return dead.length >= this.#poisoned && copies >= this.#poisoned;
    };
    await until(`${this.actor}: every message is handled or dead`, isOver, 90_000).catch((error: unknown) => {
      throw new Error(readFileSync(join(this.#folder, `${this.actor}.log`), 'utf8').slice(-4_000), { cause: error });
    });
  }

  async outcome(): Promise<Outcome> {
    const info = await requestApi<{ state: { subjects?: Record<string, number> } }>(
      this.#connection,
      `$JS.API.STREAM.INFO.${STREAMS.deadLetters}`,
      {
        subjects_filter: `dead.${this.actor}.>`,
      },
    );
    const copies = Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    const dead = await listDeadLetters(this.#database, { actor: this.actor }, 100);
    const [row] = await this.#database.query<{ waiting: number }>({
      text: 'select count(*)::int as waiting from parked where actor = $1',
      values: [this.actor],
    });
    return { dead, copies, starts: this.#idsOf('start'), done: new Set(this.#idsOf('done')), waiting: row!.waiting };
  }

  /** The lines of the program's log with this message. */
  linesOf(msg: string): Record<string, unknown>[] {
    return readFileSync(join(this.#folder, `${this.actor}.log`), 'utf8')
      .split('\n')
      .filter((line) => line.includes(`"msg":"${msg}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  #idsOf(what: 'start' | 'done'): string[] {
    const file = join(this.#folder, `${this.actor}.txt`);
    const lines = existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .map((line) => line.split(' '))
      : [];
    return lines.flatMap(([found, id]) => (found === what && id !== undefined ? [id] : []));
  }
}

async function openWards(t: TestContext, ...actors: readonly string[]): Promise<Ward[]> {
  const bed = await openTestBed(t);
  const folder = mkdtempSync(join(tmpdir(), 'visapi-poison-'));
  const connection = await connectBroker({ url: bed.natsUrl, name: 'poison test' });
  const publisher = createPublisher(connection);
  const database = await openDatabase({ url: bed.databaseUrl, applicationName: 'poison test', allowUnsafe: true });
  const running: { stop(): Promise<void> }[] = [];
  t.after(async () => {
    await Promise.all(running.map((each) => each.stop()));
    await publisher.stop(1_000);
    await connection.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });
  await applyStreams(connection, testStreams());
  const env = {
    PATH: process.env['PATH'],
    NATS_URL: bed.natsUrl,
    DATABASE_URL: roleAddress(bed.databaseUrl, 'user_actors', 'any'),
    ALLOW_UNSAFE_BROKER: 'true',
    WATCHDOG_MS: String(WATCHDOG_MS),
  };
  return await Promise.all(
    actors.map(async (actor) => {
      const ward = new Ward(actor, folder, connection, publisher, database);
      running.push(await ward.start(env));
      return ward;
    }),
  );
}

/** What holds always: the poisons are dead, once each, everybody else was handled, and each key ran in its order. */
async function assertNeighbours(ward: Ward, round: string, poisons: Poisons): Promise<Outcome> {
  const outcome = await ward.outcome();
  const isOfRound = (id: string): boolean => id.startsWith(`${round}/`);
  const poisoned = Object.keys(poisons).map((key) => `${round}/${key}/2`);
  assert.deepEqual(
    outcome.dead
      .map(({ messageId }) => messageId)
      .filter(isOfRound)
      .toSorted(),
    poisoned.toSorted(),
    'who is dead',
  );
  assert.equal(outcome.copies, outcome.dead.length, 'copies in the log');
  assert.equal(outcome.waiting, 0, 'messages that wait');
  for (const key of KEYS) {
    for (const id of [1, 2, 3].map((number) => `${round}/${key}/${number}`))
      assert.ok(outcome.done.has(id) || poisoned.includes(id), `${id} was not handled`);
    // One that was interrupted is started again; never is a later one started before an earlier one was settled.
    const numbers = outcome.starts.filter((id) => id.startsWith(`${round}/${key}/`)).map((id) => Number(id.split('/')[2]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      `order of ${key}`,
    );
  }
  return outcome;
}

const startsOf = ({ starts }: Outcome, id: string): number => starts.filter((each) => each === id).length;
const reasonsOf = ({ dead }: Outcome): Readonly<Record<string, string>> =>
  Object.fromEntries(dead.map(({ messageId, reason }) => [messageId, reason]));

async function poisonOneAfterTheOther(ward: Ward): Promise<void> {
  const harmless = { k7: 'hang', k8: 'throw' } as const;
  await ward.poison('first', harmless);
  const first = await assertNeighbours(ward, 'first', harmless);
  assert.deepEqual(reasonsOf(first), { 'first/k7/2': 'exhausted', 'first/k8/2': 'exhausted' });
  assert.deepEqual([startsOf(first, 'first/k7/2'), startsOf(first, 'first/k8/2')], [ATTEMPTS, ATTEMPTS]);
  const restarts = ward.restarts;

  await ward.poison('second', { k7: 'exit' });
  const second = await assertNeighbours(ward, 'second', { k7: 'exit' });
  assert.equal(reasonsOf(second)['second/k7/2'], 'crashed');
  assert.equal(startsOf(second, 'second/k7/2'), ATTEMPTS);
  assert.ok(ward.restarts >= restarts + ATTEMPTS);

  // Its process took over after an unclean death, and the message came only then.
  await ward.poison('third', { k7: 'block' });
  const third = await assertNeighbours(ward, 'third', { k7: 'block' });
  assert.equal(reasonsOf(third)['third/k7/2'], 'crashed');
  assert.equal(startsOf(third, 'third/k7/2'), ATTEMPTS);
  const blocked = ward.linesOf('event loop blocked').map(({ messageId }) => String(messageId));
  assert.ok(blocked.includes('third/k7/2'), `the watchdog named ${blocked.join(', ')}`);
}

async function poisonAtOnce(ward: Ward): Promise<void> {
  const poisons = { k1: 'block', k2: 'kill', k3: 'hang' } as const;
  await ward.poison('together', poisons);
  const outcome = await assertNeighbours(ward, 'together', poisons);
  assert.deepEqual(reasonsOf(outcome), { 'together/k1/2': 'crashed', 'together/k2/2': 'crashed', 'together/k3/2': 'exhausted' });
  for (const { messageId, reason, detail } of outcome.dead) {
    // The first one to end the process may have done so before the first start of the others, which is not recorded and counts.
    const starts = startsOf(outcome, messageId);
    assert.ok(starts === ATTEMPTS || starts === ATTEMPTS - 1, `${messageId} was started ${starts} times`);
    if (reason === 'crashed') assert.equal((detail as { starts: number }).starts, ATTEMPTS, messageId);
  }
}

test('a handler that ends its process, blocks it, hangs or throws is started as often as configured and then dead, and its neighbours are handled', async (t) => {
  const [alone, several] = await openWards(t, 'alone', 'several');
  // At once: most of the time they start again.
  await Promise.all([poisonOneAfterTheOther(alone!), poisonAtOnce(several!)]);
});

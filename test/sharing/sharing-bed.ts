import assert from 'node:assert/strict';
import { type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { slotOf } from '../../lib/core/slot.ts';
import { freezeChild, spawnServer, stopChild, waitForExit } from '../../lib/dev/child-process.ts';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { findFreePort } from '../../lib/dev/port.ts';
import { nodeEnvironment } from '../../lib/dev/program.ts';
import { openTestBed } from '../../lib/dev/test-bed.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { applyStreams } from '../../lib/jetstream/stream-plan.ts';
import { type Database, openDatabase } from '../../lib/store/database.ts';
import { roleAddress } from '../../lib/store/role-address.ts';
import { testStreams } from '../test-streams.ts';
import { commandSubject } from '../../streams/subjects.ts';
import { until } from '../system-bed.ts';
import { ACTOR, type Go, type Order, PARTITIONS, type Step } from './dialogue.ts';

/** What a process said, in the order in which it came here. */
export interface Said extends Step {
  readonly by: string;
  /** Which life of the process: 1, 2 ... */
  readonly life: number;
}

/** Processes that share an actor's units, on a real broker and a real database. */
export interface SharingBed {
  readonly database: Database;
  readonly said: readonly Said[];
  /** Described; nothing runs before `start`. */
  readonly processes: readonly SharingProcess[];
  /** Publishes orders of one key, in order. */
  send(key: string, orders: readonly Order[]): Promise<void>;
  /** Whether a handler that has begun may go on. (Default: all may, at once) */
  mayGo: (said: Said) => boolean;
  /** Lets go on what was held and may now. */
  letGo(): void;
  /** How many units each process holds with a valid lease, by the record. */
  held(): Promise<readonly number[]>;
}

export class SharingProcess {
  readonly name: string;
  life = 0;
  /** Calls back when it has ended by itself. */
  onExit: () => void = () => undefined;
  readonly #options: { env: NodeJS.ProcessEnv; logFile: string; onStep: (step: Step) => void };
  #child: ChildProcess | undefined;
  #isMeant = false;

  constructor(name: string, options: { env: NodeJS.ProcessEnv; logFile: string; onStep: (step: Step) => void }) {
    this.name = name;
    this.#options = options;
  }

  start(): void {
    const { env, logFile, onStep } = this.#options;
    const log = openSync(logFile, 'a');
    const child = spawnServer({
      command: process.execPath,
      args: ['test/sharing/sharing-program.ts'],
      cwd: projectRoot,
      env: { ...nodeEnvironment, STOP_TIMEOUT_MS: '8000', ...env },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.life++;
    this.#isMeant = false;
    this.#child = child;
    child.on('message', (step: Step) => onStep(step));
    child.once('exit', () => {
      if (!this.#isMeant) this.onExit();
    });
  }

  go(go: Go): void {
    if (this.#child?.connected === true) this.#child.send(go, () => undefined);
  }

  async kill(): Promise<void> {
    this.#isMeant = true;
    this.#child!.kill('SIGKILL');
    await waitForExit(this.#child!);
  }

  async stop(): Promise<void> {
    this.#isMeant = true;
    if (this.#child !== undefined) await stopChild(this.#child, 'SIGTERM', 20_000);
  }

  freeze(): void {
    freezeChild(this.#child!);
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
}

export async function openSharing(t: TestContext, count = 2): Promise<SharingBed> {
  const bed = await openTestBed(t);
  const folder = mkdtempSync(join(tmpdir(), 'visapi-sharing-'));
  const connection = await connectBroker({ url: bed.natsUrl, name: 'sharing test' });
  const publisher = createPublisher(connection);
  const database = await openDatabase({ url: bed.databaseUrl, applicationName: 'sharing test', allowUnsafe: true });
  await applyStreams(connection, testStreams());
  const said: Said[] = [];
  const held = new Set<Said>();
  const names = Array.from({ length: count }, (_, index) => `sharer-${index + 1}`);
  const sharing = {
    database,
    said,
    processes: await Promise.all(
      names.map(async (name) => {
        const env = {
          NATS_URL: bed.natsUrl,
          DATABASE_URL: roleAddress(bed.databaseUrl, 'user_actors', 'any'),
          ALLOW_UNSAFE_BROKER: 'true',
          VISAPI_INSTANCE: name,
          PROCESSOR_OPS_PORT: String(await findFreePort()),
          // A frozen process is the test's.
          WATCHDOG_MS: '600000',
          WATCHDOG_FILE: join(folder, `${name}.watchdog.json`),
        };
        return new SharingProcess(name, { env, logFile: join(folder, `${name}.log`), onStep: (step) => hear(name, step) });
      }),
    ),
    mayGo: (_said: Said): boolean => true,
    async send(key: string, orders: readonly Order[]): Promise<void> {
      for (const order of orders)
        await publisher.publish(
          {
            id: `${key}/${order.number}`,
            subject: commandSubject({ priority: 'default', slot: slotOf(key), actor: ACTOR }),
            key,
            headers: {},
            body: Buffer.from(JSON.stringify(order)),
          },
          AbortSignal.timeout(30_000),
        );
    },
    letGo(): void {
      for (const each of held) goOn(each);
    },
    held: async (): Promise<readonly number[]> => {
      const rows = await database.query<{ owner: string; count: number }>({
        text: 'select owner, count(*)::int as count from units where lease_until > clock_timestamp() group by owner',
      });
      return names.map((name) => rows.find(({ owner }) => owner === name)?.count ?? 0);
    },
  };
  function hear(by: string, step: Step): void {
    const one = { ...step, by, life: processOf(by).life };
    said.push(one);
    if (step.step === 'started') goOn(one);
  }
  function processOf(name: string): SharingProcess {
    return sharing.processes.find((each) => each.name === name)!;
  }
  function goOn(one: Said): void {
    held.delete(one);
    if (sharing.mayGo(one)) processOf(one.by).go(one);
    else held.add(one);
  }
  t.after(async () => {
    for (const each of sharing.processes) each.thaw();
    await Promise.all(sharing.processes.map((each) => each.stop()));
    await publisher.stop(1_000);
    await connection.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });
  return sharing;
}

/** Starts all, and waits until each has its share. */
export async function startSharing(sharing: SharingBed): Promise<void> {
  for (const each of sharing.processes) each.start();
  await untilShared(sharing);
}

export async function untilShared({ held, processes }: SharingBed): Promise<void> {
  const share = PARTITIONS / processes.length;
  await until(
    `each of ${processes.length} processes holds ${share} units`,
    async () => (await held()).every((count) => count >= Math.floor(share) && count <= Math.ceil(share)),
    60_000,
  );
}

export function numbersOf(said: readonly Said[], step: Step['step'], key: string): number[] {
  return said.filter((each) => each.step === step && each.key === key).map(({ number }) => number);
}

/** A message may be started again, never after a later one of its key was. */
export function assertInOrder(said: readonly Said[], keys: Iterable<string>): void {
  for (const key of keys) {
    const started = numbersOf(said, 'started', key);
    assert.deepEqual(
      started,
      started.toSorted((a, b) => a - b),
      `order of ${key}`,
    );
  }
}

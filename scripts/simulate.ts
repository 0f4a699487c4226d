/**
 * `npm run simulate -- --seeds <count> [--from <seed>]`: lets chance play with the relay and the actor runtime in virtual time, one world for each
 * seed, and fails where something is lost, comes twice, out of order or not to its end. `--seed <seed>` repeats one and tells what happened in it.
 * By day the seeds begin at the same number each time, by night at another one (test/simulation.nightly.ts).
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runActorWorld } from '../lib/actor/simulation/actor-world.ts';
import { runReplayWorld } from '../lib/actor/simulation/replay-steps.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { runRelayWorld } from '../lib/journal/simulation/relay-world.ts';

interface Report {
  readonly violations: readonly string[];
  readonly trace: readonly string[];
}

interface Found {
  readonly seed: number;
  readonly violations: readonly string[];
}

interface Stretch {
  readonly from: number;
  readonly count: number;
  /** Every so manieth seed. */
  readonly step: number;
}

type World = readonly [name: string, run: (seed: number, isTraced?: boolean) => Promise<Report>];

const ACTORS: World = ['actors', runActorWorld];
const REPLAYS: World = ['replays', runReplayWorld];
const RELAY: World = ['relay', runRelayWorld];
/** A seed's last digit says which world it makes. */
const WORLDS = [ACTORS, ACTORS, ACTORS, ACTORS, ACTORS, ACTORS, REPLAYS, RELAY, RELAY, RELAY] as const;

/** After so many nobody reads on. */
const MAX_SHOWN = 5;

function worldOf(seed: number): World {
  return WORLDS[seed % WORLDS.length]!;
}

async function play({ from, count, step }: Stretch): Promise<Found[]> {
  const found: Found[] = [];
  for (let seed = from; seed < from + count; seed += step) {
    const violations = await violationsOf(seed);
    if (violations.length > 0) found.push({ seed, violations });
  }
  return found;
}

/** A world that throws has gone wrong, too, and its seed is to be known. */
async function violationsOf(seed: number): Promise<readonly string[]> {
  try {
    return (await worldOf(seed)[1](seed)).violations;
  } catch (error) {
    return [`it threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  }
}

async function replay(seed: number): Promise<void> {
  const [name, run] = worldOf(seed);
  const { violations, trace } = await run(seed, true);
  process.stdout.write(`seed ${seed}: ${name}\n${trace.join('\n')}\n`);
  for (const violation of violations) process.stdout.write(`wrong: ${violation}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

async function playAll(from: number, count: number): Promise<void> {
  const begun = performance.now();
  const step = Math.max(1, Math.min(availableParallelism(), 8, count));
  const parts = Array.from({ length: step }, (_, index) => playInThread({ from: from + index, count: count - index, step }));
  const found = (await Promise.all(parts)).flat().toSorted((a, b) => a.seed - b.seed);
  for (const { seed, violations } of found.slice(0, MAX_SHOWN))
    process.stdout.write(
      `seed ${seed} (${worldOf(seed)[0]}):\n${violations.map((each) => `  ${each}\n`).join('')}  npm run simulate -- --seed ${seed}\n`,
    );
  const { user, system } = process.cpuUsage();
  const seconds = (microseconds: number): string => (microseconds / 1e6).toFixed(1);
  process.stdout.write(
    `${count} worlds from seed ${from}: ${found.length} went wrong; ${seconds(user + system)} s of CPU in ${((performance.now() - begun) / 1_000).toFixed(1)} s\n`,
  );
  process.exitCode = found.length === 0 ? 0 : 1;
}

function playInThread(stretch: Stretch): Promise<Found[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: stretch });
    worker.once('message', resolve).once('error', reject);
    // A world in which everybody waits for somebody else leaves its thread with nothing to do.
    worker.once('exit', () => reject(new Error(`a thread ended within a world of ${JSON.stringify(stretch)}`)));
  });
}

if (isMainThread) {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string' }, seed: { type: 'string' } },
  });
  if (values.seed !== undefined) await replay(number('--seed', values.seed));
  else await playAll(number('--from', values.from ?? String(testSeed)), number('--seeds', values.seeds, 1));
} else parentPort?.postMessage(await play(workerData as Stretch));

function number(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name}: expected a whole number from ${least}, got ${JSON.stringify(text)}`);
  return value;
}

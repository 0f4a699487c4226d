/** By day the seeds begin at the same number each time, by night at another one (test/simulation.nightly.ts). */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runActorWorld } from '../lib/actor/simulation/actor-world.ts';
import { runReplayWorld } from '../lib/actor/simulation/replay-steps.ts';
import { testSeed } from '../lib/dev/test-seed.ts';
import { runRelayWorld } from '../lib/journal/simulation/relay-world.ts';

const USAGE = `npm run simulate -- [--seeds <count>] [--from <seed>]   plays so many worlds, one for each seed (default: 1000)
npm run simulate -- --seed <seed>                       plays one again, and tells what happened in it

Lets chance play with the relay and the actor runtime in virtual time, and fails where something is lost, comes twice, out of
order or not to its end. Exit code: 0 when nothing went wrong, 1 when something did, 2 for a mistake in the command.
`;

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

if (isMainThread) await main(process.argv.slice(2));
else parentPort?.postMessage(await play(workerData as Stretch));

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(USAGE);
  const wanted = readOptions(args);
  if (wanted === undefined) process.exitCode = 2;
  else await (wanted.seed === undefined ? playAll(wanted.from, wanted.seeds) : replay(wanted.seed));
}

/** Undefined: they do not fit, which was said. */
function readOptions(
  args: readonly string[],
): { readonly from: number; readonly seeds: number; readonly seed: number | undefined } | undefined {
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({ args: [...args], options: { seeds: text, from: text, seed: text } });
    const { seeds = '1000', from = `${testSeed}`, seed } = values;
    return {
      from: number('--from', from),
      seeds: number('--seeds', seeds, 1),
      seed: seed === undefined ? undefined : number('--seed', seed),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`simulate: ${error.message}\n`);
    return undefined;
  }
}

function number(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${name}: expected a whole number from ${least}, got ${JSON.stringify(text)}`);
  return value;
}

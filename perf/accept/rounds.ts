import { startLoadGenerator, type LoadGenerator } from '../load/load-generator.ts';
import type { LoadShape } from '../load/sending.ts';
import type { BenchBed } from './bench-bed.ts';
import { measure, type Measurement } from './measure.ts';
import type { Target, TargetName } from './target.ts';

/**
 * - `closed-64`, `closed-128`: that many connections, each as fast as it is answered
 * - `open-300`: 300 requests a second, a busy day of a mid-sized installation
 * - `open-half`: half of what the door has just done with 64 connections
 */
export const LOADS = ['closed-64', 'closed-128', 'open-300', 'open-half'] as const;

export type LoadName = (typeof LOADS)[number];

/** Every measurement, oldest first, by target and load. */
export type Measurements = Readonly<Record<TargetName, Readonly<Record<LoadName, readonly Measurement[]>>>>;

export interface RoundOptions {
  readonly rounds: number;
  /** Of each measurement, closed loop and at half load. At 300 a second it is as long as its samples need. */
  readonly seconds: number;
  readonly loads: readonly LoadName[];
  readonly say: (line: string) => void;
}

/** Before the first round each server answers so many: code that is new to the compiler is several times slower, and the door has much of it. */
const WARM_UP_REQUESTS = 100_000;
/** On a machine that is too busy for that, what it has answered by then has to do. */
const WARM_UP_MAX_MS = 30_000;
const STEADY_PER_SECOND = 300;
/** All rounds together, at 300 a second: 100 of them are above the p99. */
const STEADY_SAMPLES = 10_000;
/** More than are ever under way, so that a request waits for the server and not for a connection. */
const OPEN_CONNECTIONS = 256;
/** What shows a latency at 300 a second; the socket server has none worth showing, and at half of the door's load only Fastify alone keeps up. */
const OPEN_TARGETS: Readonly<Record<'open-300' | 'open-half', readonly TargetName[]>> = {
  'open-300': ['visapi', 'fastify', 'publish'],
  'open-half': ['visapi', 'fastify'],
};

/** Goes through all loads in each round, and through all targets in each load, every other round backwards: what the machine does beside is shared alike. */
export async function runRounds(bed: BenchBed, options: RoundOptions): Promise<Measurements> {
  const { rounds, seconds, say } = options;
  const all = emptyMeasurements();
  const generator = startLoadGenerator();
  try {
    for (const target of bed.targets) await warmUp(bed, generator, target, options);
    for (let round = 1; round <= rounds; round += 1) {
      for (const load of options.loads) {
        const targets = bed.targets.filter(({ name }) => takesPart(name, load));
        for (const target of round % 2 === 1 ? targets : targets.toReversed()) {
          const shape = shapeOf(load, all);
          if (shape === undefined) continue;
          const measured = await measure(bed, generator, target, shape, load === 'open-300' ? steadySeconds(options) : seconds);
          all[target.name][load].push(measured);
          say(`round ${round} of ${rounds}, ${load}, ${target.name}: ${describe(measured)}`);
        }
      }
    }
  } finally {
    await generator.stop();
  }
  return all;
}

async function warmUp(bed: BenchBed, generator: LoadGenerator, target: Target, { seconds, say }: RoundOptions): Promise<void> {
  const until = performance.now() + WARM_UP_MAX_MS;
  let answered = 0;
  while (answered < WARM_UP_REQUESTS && performance.now() < until) {
    const { answers } = await measure(bed, generator, target, { kind: 'closed', connections: 64 }, seconds);
    answered += Object.values(answers).reduce((sum, count) => sum + count, 0);
  }
  say(`${target.name} is warm after ${answered} requests`);
}

function describe({ perSecond, latencyMs, cpuMicros, log }: Measurement): string {
  const caughtUp = log === undefined ? '' : `, log complete after ${log.catchUpMs.toFixed(0)} ms`;
  const cpu = `${cpuMicros.server.toFixed(0)} + ${cpuMicros.broker.toFixed(0)} + ${cpuMicros.generator.toFixed(0)} us CPU (server, broker, generator)`;
  return `${perSecond.toFixed(0)}/s, p50 ${latencyMs.p50.toFixed(2)} ms, p99 ${latencyMs.p99.toFixed(2)} ms, ${cpu}${caughtUp}`;
}

function takesPart(target: TargetName, load: LoadName): boolean {
  return load === 'closed-64' || load === 'closed-128' || OPEN_TARGETS[load].includes(target);
}

/** Undefined where half of nothing was asked for. */
function shapeOf(load: LoadName, all: Measurements): LoadShape | undefined {
  switch (load) {
    case 'closed-64':
      return { kind: 'closed', connections: 64 };
    case 'closed-128':
      return { kind: 'closed', connections: 128 };
    case 'open-300':
      return { kind: 'open', connections: OPEN_CONNECTIONS, perSecond: STEADY_PER_SECOND };
    case 'open-half': {
      const full = all.visapi['closed-64'].at(-1)?.perSecond;
      return full === undefined ? undefined : { kind: 'open', connections: OPEN_CONNECTIONS, perSecond: full / 2 };
    }
  }
}

function steadySeconds({ rounds, seconds }: RoundOptions): number {
  return Math.max(seconds, STEADY_SAMPLES / STEADY_PER_SECOND / rounds);
}

function emptyMeasurements(): Record<TargetName, Record<LoadName, Measurement[]>> {
  const none = (): Record<LoadName, Measurement[]> => ({ 'closed-64': [], 'closed-128': [], 'open-300': [], 'open-half': [] });
  return { visapi: none(), fastify: none(), publish: none(), socket: none() };
}

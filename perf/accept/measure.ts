import { poll } from '../../lib/dev/poll.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import { percentile } from '../load/samples.ts';
import type { LoadShape } from '../load/sending.ts';
import type { BenchBed } from './bench-bed.ts';
import type { Target } from './target.ts';

/** One target under one load, once. */
export interface Measurement {
  readonly perSecond: number;
  /** From sending (closed loop) or from when it was due (open loop) to the whole answer. Milliseconds. */
  readonly latencyMs: Percentiles;
  /** How late the load generator itself was; undefined in a closed loop. Milliseconds. */
  readonly latenessMs: Percentiles | undefined;
  /** CPU time per answered request, microseconds. */
  readonly cpuMicros: { readonly server: number; readonly broker: number; readonly generator: number };
  readonly answers: Readonly<Record<string, number>>;
  readonly samples: number;
  /** Of the door only: what came of what it had acknowledged. */
  readonly log: { readonly acknowledged: number; readonly stored: number; readonly catchUpMs: number } | undefined;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Before anything counts: connections, and code that the compiler has not seen yet. */
const WARM_UP_SECONDS = 0.5;
/** A door at its limit relays little; what it accepted meanwhile is relayed in this time, or lost. */
const CATCH_UP_DEADLINE_MS = 180_000;

/** Loads one target, and waits until the log has all that it acknowledged, so that the next one is measured alone. */
export async function measure(
  bed: BenchBed,
  generator: LoadGenerator,
  target: Target,
  shape: LoadShape,
  seconds: number,
): Promise<Measurement> {
  const { path, secret, broker } = bed;
  const before = await bed.countLogged();
  const job = { port: target.port, path, secret, shape, seconds, warmUpSeconds: WARM_UP_SECONDS, pids: [broker.pid ?? 0, ...target.pids] };
  const result = await generator.run(job);
  const log = target.name === 'visapi' ? await catchUp(bed, before, countAccepted(result.answers)) : undefined;
  await bed.purge();
  const latencies = result.latenciesMs.toSorted();
  const [brokerCpu = NaN, ...servers] = result.cpuSeconds;
  const server = servers.reduce((sum, seconds) => sum + seconds, 0);
  const perRequest = (cpuSeconds: number) => (cpuSeconds * 1e6) / (result.perSecond * seconds);
  return {
    perSecond: result.perSecond,
    latencyMs: percentilesOf(latencies),
    latenessMs: shape.kind === 'open' ? percentilesOf(result.latenessMs.toSorted()) : undefined,
    cpuMicros: { server: perRequest(server), broker: perRequest(brokerCpu), generator: perRequest(result.ownCpuSeconds) },
    answers: result.answers,
    samples: latencies.length,
    log,
  };
}

function countAccepted(answers: Readonly<Record<string, number>>): number {
  return Object.entries(answers).reduce((sum, [status, count]) => (/^2\d\d$/.test(status) ? sum + count : sum), 0);
}

async function catchUp(bed: BenchBed, before: number, acknowledged: number): Promise<NonNullable<Measurement['log']>> {
  const startedAt = performance.now();
  const stored = async () => (await bed.countLogged()) - before;
  const whole = async () => {
    const count = await stored();
    return count >= acknowledged ? count : undefined;
  };
  const count = await poll(whole, { deadlineMs: CATCH_UP_DEADLINE_MS, what: 'the log to have all that was acknowledged' }).catch(stored);
  return { acknowledged, stored: count, catchUpMs: performance.now() - startedAt };
}

function percentilesOf(sorted: Float64Array): Percentiles {
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), p999: percentile(sorted, 0.999), max: sorted.at(-1) ?? NaN };
}

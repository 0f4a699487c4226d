import { poll } from '../../lib/dev/poll.ts';
import { percentile } from '../load/samples.ts';
import { type CpuUse, cpuMicrosPer, describeCores, readCoreTime, readCpuUse } from './cpu-use.ts';
import { openDoorLoad, postOpenLoop } from './door-load.ts';
import type { Scene } from './scene.ts';

export interface Delivery {
  readonly samples: number;
  /** From when a request was due to when its message was at Slack's door: everything in between, the door's own time as well. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  /** How late the load generator itself was. */
  readonly lateP99Ms: number;
  /** CPU microseconds per event, by process, until the last message was at Slack's door. */
  readonly cpuMicros: CpuUse;
  /** Who had the cores meanwhile, in one line. */
  readonly cores: string;
}

/** Events at a fixed rate through the whole system, one step each. Rejects where a message does not come, or comes twice. */
export async function measureDelivery(
  scene: Scene,
  { name, perSecond, seconds }: { readonly name: string; readonly perSecond: number; readonly seconds: number },
): Promise<Delivery> {
  const { system, slack, say } = scene;
  slack.clear();
  const load = openDoorLoad(system, name);
  const coresBefore = readCoreTime();
  const before = readCpuUse(scene);
  const { dueAt, lateMs } = await postOpenLoop(load, perSecond, seconds);
  await poll(async () => Promise.resolve(slack.arrived >= dueAt.length ? true : undefined), {
    deadlineMs: 60_000,
    what: `${dueAt.length} messages at Slack`,
  });
  const after = readCpuUse(scene);
  const cores = describeCores(coresBefore, readCoreTime(), secondsOf(after) - secondsOf(before));
  load.close();
  const latencies = Float64Array.from(dueAt, (due, number) => (slack.arrivedAt(load.textOf(number)) ?? NaN) - due).toSorted();
  if (slack.arrived !== dueAt.length || latencies.some((each) => Number.isNaN(each)))
    throw new Error(`expected ${dueAt.length} messages, each once, got ${slack.arrived}`);
  const latencyMs = { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), p999: percentile(latencies, 0.999) };
  say(`${name}: ${perSecond}/s, p50 ${latencyMs.p50.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms`);
  return {
    samples: latencies.length,
    latencyMs,
    lateP99Ms: percentile(Float64Array.from(lateMs).toSorted(), 0.99),
    cpuMicros: cpuMicrosPer(dueAt.length, before, after),
    cores,
  };
}

function secondsOf(use: CpuUse): number {
  return Object.values(use).reduce((sum, each) => sum + each, 0);
}

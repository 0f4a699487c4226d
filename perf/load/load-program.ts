import { readCpuSeconds } from '../machine.ts';
import { isAccepted, runClosedLoop } from './closed-loop.ts';
import { runOpenLoop } from './open-loop.ts';
import { createReleaseRequests } from './release-requests.ts';
import { createSamples } from './samples.ts';
import type { LoadJob, LoadResult } from './sending.ts';

/** The load generator's process: a job in, its result out, until the channel to whoever started it closes. */
process.on('message', (job: LoadJob) => {
  void runJob(job).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());

/** The metronome has started before the first request is due. */
const OPEN_LOOP_LEAD_MS = 50;

async function runJob(job: LoadJob): Promise<LoadResult> {
  const { shape } = job;
  const requests = createReleaseRequests(job.path, job.secret);
  const answers: Record<string, number> = {};
  const latencies = createSamples();
  const lateness = createSamples();
  let acceptedInWindow = 0;
  const startMs = performance.now() + OPEN_LOOP_LEAD_MS;
  const fromMs = startMs + job.warmUpSeconds * 1_000;
  const window = { fromMs, toMs: fromMs + job.seconds * 1_000 };
  const cpu = measureCpu(job.pids, window);
  const options = {
    port: job.port,
    connections: shape.connections,
    requestBytes: requests.requestBytes,
    writeNext: requests.writeNext,
    window,
    latencies,
    onAnswer(status: number | undefined) {
      const name = status ?? 'lost';
      answers[name] = (answers[name] ?? 0) + 1;
      const now = performance.now();
      if (isAccepted(status) && now >= window.fromMs && now < window.toMs) acceptedInWindow += 1;
    },
  };
  if (shape.kind === 'closed') await runClosedLoop(options);
  else await runOpenLoop({ ...options, perSecond: shape.perSecond, startMs, lateness });
  const [ownCpuSeconds = NaN, ...cpuSeconds] = await cpu;
  return {
    answers,
    perSecond: acceptedInWindow / job.seconds,
    latenciesMs: latencies.toArray(),
    latenessMs: lateness.toArray(),
    cpuSeconds,
    ownCpuSeconds,
  };
}

/** CPU seconds between both ends of the window: ours, then those of the processes. */
async function measureCpu(pids: readonly number[], { fromMs, toMs }: { fromMs: number; toMs: number }): Promise<number[]> {
  const read = () => [process.pid, ...pids].map(readCpuSeconds);
  const before = await at(fromMs, read);
  const after = await at(toMs, read);
  return after.map((seconds, index) => seconds - (before[index] ?? NaN));
}

function at<Value>(timeMs: number, read: () => Value): Promise<Value> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(read()), timeMs - performance.now());
  });
}

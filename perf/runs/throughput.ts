import { poll } from '../../lib/dev/poll.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { eventMessage } from '../../sdk/event-message.ts';
import { median } from '../load/samples.ts';
import { type CpuUse, cpuMicrosPer, readCpuUse } from './cpu-use.ts';
import type { Scene } from './scene.ts';

const step = (id: string) => ({ id, uses: 'slack.send', with: { channel: '#bench', text: `{{ event.data.text }} ${id}` } });

/** Each step is a command to the notifier, a request to Slack behind a claim in the ledger, and a result that comes back. */
export const THREE_STEPS = { name: 'three-steps', on: { event: 'bench.three' }, steps: [step('first'), step('second'), step('third')] };

export interface Throughput {
  /** Runs per second of each round. */
  readonly rounds: readonly number[];
  readonly median: number;
  /** CPU microseconds per run, by process, over all rounds: what it comes to on a machine where nothing else runs. */
  readonly cpuMicros: CpuUse;
}

const KEYS = 1_000;

/** All events of a round are put into the log at once; the time runs until the last run is recorded as done. The first round is warm-up. */
export async function measureThroughput(
  scene: Scene,
  { rounds, runs }: { readonly rounds: number; readonly runs: number },
): Promise<Throughput> {
  const figures: number[] = [];
  let before: CpuUse = {};
  for (let round = 0; round <= rounds; round += 1) {
    const perSecond = await measureRound(scene, round, round === 0 ? Math.min(runs, 1_000) : runs);
    scene.say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}: ${perSecond.toFixed(0)} three-step runs/s`);
    if (round > 0) figures.push(perSecond);
    else before = readCpuUse(scene);
  }
  return { rounds: figures, median: median(figures), cpuMicros: cpuMicrosPer(rounds * runs, before, readCpuUse(scene)) };
}

async function measureRound({ bed, slack }: Scene, round: number, runs: number): Promise<number> {
  slack.clear();
  const publisher = createPublisher(bed.connection);
  const before = await doneRuns(bed);
  const begunAt = performance.now();
  await Promise.all(
    Array.from({ length: runs }, (_, number) =>
      publisher.publish(
        eventMessage({
          id: `round-${round}-${number}`,
          source: 'bench',
          ceSource: 'bench',
          type: 'bench.three',
          key: `customer-${number % KEYS}`,
          priority: 'default',
          time: new Date().toISOString(),
          hops: 0,
          body: Buffer.from(JSON.stringify({ text: `round ${round}, run ${number}`, more: 'x'.repeat(600) })),
        }),
        AbortSignal.timeout(120_000),
      ),
    ),
  );
  await publisher.stop(1_000);
  const deadlineMs = 300_000;
  await poll(async () => Promise.resolve(slack.arrived >= 3 * runs ? true : undefined), {
    deadlineMs,
    what: `${3 * runs} messages at Slack`,
  });
  await poll(async () => ((await doneRuns(bed)) - before >= runs ? true : undefined), { deadlineMs, what: `${runs} runs done` });
  const perSecond = runs / ((performance.now() - begunAt) / 1_000);
  if (slack.arrived !== 3 * runs) throw new Error(`expected ${3 * runs} messages, each once, got ${slack.arrived}`);
  return perSecond;
}

async function doneRuns({ database }: Scene['bed']): Promise<number> {
  const rows = await database.query<{ count: string }>({
    text: `select count(*) as count from runs where workflow = $1 and status = 'done'`,
    values: [THREE_STEPS.name],
  });
  return Number(rows[0]?.count);
}

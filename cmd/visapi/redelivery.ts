import { setTimeout } from 'node:timers/promises';
import type { Publisher } from '../../lib/jetstream/publisher.ts';
import type { Database } from '../../lib/store/database.ts';
import { type DeadLetterEntry, findDeadLetter } from '../../lib/store/dead-letters.ts';
import { recordStepRetry, redeliverMessage } from '../../lib/store/redeliver.ts';
import { planRedelivery, type RedeliveryOptions, type RedeliveryPlan } from '../../lib/store/redelivery-plan.ts';
import { STREAMS } from '../../streams/subjects.ts';
import { withPublisher } from './session.ts';
import { orderStepRetry, type StepRetryOrder } from './step-retry.ts';

/** What was done, or would be, with one dead letter. */
export interface Redelivery {
  readonly id: string;
  /** `message`: the stored message runs again. `step`: its step is rendered again, with a newer version. */
  readonly action: 'message' | 'step' | 'refused';
  readonly detail: string;
  readonly needsForce: boolean;
}

export interface RedeliverOptions extends RedeliveryOptions {
  readonly dryRun: boolean;
  /** Messages a second. */
  readonly rate: number;
  readonly who: string;
}

/** A broker that is there confirms the copy of a dead letter within some milliseconds. */
const COPY_WAIT_MS = 5_000;
const COPY_POLL_MS = 20;

/** Redelivers in the order given, spread by the rate. */
export async function redeliver(database: Database, letters: readonly DeadLetterEntry[], options: RedeliverOptions): Promise<Redelivery[]> {
  const plans: RedeliveryPlan[] = [];
  const waitUntil = performance.now() + COPY_WAIT_MS;
  for (const letter of letters) plans.push(await planRedelivery(database, await copied(database, letter, waitUntil), options));
  if (options.dryRun) return plans.map((plan) => described(plan));
  if (!plans.some(({ kind }) => kind === 'step')) return await perform(database, plans, options, undefined);
  return await withPublisher((publisher) => perform(database, plans, options, publisher));
}

/** The letter with its copy, which is confirmed a moment after the letter can be seen; without it where that takes too long. */
export async function copied(
  database: Database,
  letter: DeadLetterEntry,
  waitUntil = performance.now() + COPY_WAIT_MS,
): Promise<DeadLetterEntry> {
  let read = letter;
  while (read.copySeq === null && performance.now() < waitUntil) {
    await setTimeout(COPY_POLL_MS);
    read = (await findDeadLetter(database, letter.id)) ?? read;
  }
  return read;
}

async function perform(
  database: Database,
  plans: readonly RedeliveryPlan[],
  options: RedeliverOptions,
  publisher: Publisher | undefined,
): Promise<Redelivery[]> {
  const { rate, who } = options;
  const results: Redelivery[] = [];
  let parked = 0;
  let published = 0;
  for (const plan of plans) {
    let isDone = true;
    if (plan.kind === 'message') {
      isDone = await redeliverMessage(database, { plan, stream: STREAMS.deadLetters, delayMs: (parked * 1_000) / rate, who });
      if (isDone) parked++;
    } else if (plan.kind === 'step' && publisher !== undefined) {
      if (published++ > 0) await setTimeout(1_000 / rate);
      // Published first: its id is derived, so that after a crash in between the same command does the same again.
      const generation = await orderStepRetry(publisher, orderOf(plan));
      await recordStepRetry(database, { plan, generation, who });
    }
    results.push(
      isDone
        ? described(plan)
        : { id: plan.letter.id, action: 'refused', detail: 'somebody else has redelivered it just now', needsForce: false },
    );
  }
  return results;
}

/** One dead letter makes one generation. */
function orderOf({ letter, run, step, workflow, version }: Extract<RedeliveryPlan, { kind: 'step' }>): StepRetryOrder {
  const { id, eventKey: key, priority } = letter;
  return { run, step, workflow, version, cause: id, key, priority, deadLetter: id };
}

function described(plan: RedeliveryPlan): Redelivery {
  const { id } = plan.letter;
  switch (plan.kind) {
    case 'message':
      return { id, action: 'message', detail: `the stored message runs again, in round ${plan.letter.round + 1}`, needsForce: false };
    case 'step':
      return {
        id,
        action: 'step',
        detail: `step ${plan.step} of ${plan.workflow} changed between version ${plan.fromVersion} and ${plan.version}: it is rendered again with version ${plan.version} (--as-is runs the stored command)`,
        needsForce: false,
      };
    case 'refused':
      return { id, action: 'refused', detail: plan.because, needsForce: plan.needsForce };
  }
}

import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { isPriority } from '../../lib/core/priority.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { createPublisher, type Publisher } from '../../lib/jetstream/publisher.ts';
import type { Database } from '../../lib/store/database.ts';
import type { DeadLetterEntry } from '../../lib/store/dead-letters.ts';
import { recordStepRetry, redeliverMessage } from '../../lib/store/redeliver.ts';
import { planRedelivery, type RedeliveryOptions, type RedeliveryPlan } from '../../lib/store/redelivery-plan.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { commandSubject, STREAMS } from '../../streams/subjects.ts';
import { withBroker } from './session.ts';

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

/** Redelivers in the order given, spread by the rate. */
export async function redeliver(database: Database, letters: readonly DeadLetterEntry[], options: RedeliverOptions): Promise<Redelivery[]> {
  const plans: RedeliveryPlan[] = [];
  for (const letter of letters) plans.push(await planRedelivery(database, letter, options));
  if (options.dryRun) return plans.map((plan) => described(plan));
  if (!plans.some(({ kind }) => kind === 'step')) return await perform(database, plans, options, undefined);
  return await withBroker(async (connection) => {
    const publisher = createPublisher(connection);
    try {
      return await perform(database, plans, options, publisher);
    } finally {
      await publisher.stop(1_000);
    }
  });
}

async function perform(database: Database, plans: readonly RedeliveryPlan[], options: RedeliverOptions, publisher: Publisher | undefined): Promise<Redelivery[]> {
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
      const { emit, generation } = retryMessage(plan);
      // Published first: its id is derived, so that after a crash in between the same command does the same again.
      await publisher.publish(emit, AbortSignal.timeout(PUBLISH_WITHIN_MS));
      await recordStepRetry(database, { plan, generation, who });
    }
    results.push(isDone ? described(plan) : { id: plan.letter.id, action: 'refused', detail: 'somebody else has redelivered it just now', needsForce: false });
  }
  return results;
}

const PUBLISH_WITHIN_MS = 10_000;

/** Asks the workflow actor to render the step again. One dead letter makes one generation. */
export function retryMessage(plan: Extract<RedeliveryPlan, { kind: 'step' }>): { emit: Emit; generation: string } {
  const { letter, run, step, workflow, version } = plan;
  const generation = createHash('sha256').update(letter.id).digest('hex').slice(0, 12);
  const priority = isPriority(letter.priority) ? letter.priority : 'default';
  const body = { step, generation, workflow, version, deadLetter: letter.id };
  const emit: Emit = {
    id: `${run}/${step}/retry#${generation}`,
    subject: commandSubject({ priority, slot: slotOf(letter.eventKey), actor: WORKFLOW_LANES.name }),
    key: letter.eventKey,
    headers: {
      [HEADERS.run]: run,
      [HEADERS.step]: step,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.ceType]: 'step.retry',
      [HEADERS.contentType]: 'application/json',
    },
    body: Buffer.from(JSON.stringify(body)),
  };
  return { emit, generation };
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

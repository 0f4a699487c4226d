import { createHash } from 'node:crypto';
import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { isPriority } from '../../lib/core/priority.ts';
import { slotOf } from '../../lib/core/slot.ts';
import type { Publisher } from '../../lib/jetstream/publisher.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { commandSubject } from '../../streams/subjects.ts';

/** A person lets the step at which a run stands failed be rendered again. */
export interface StepRetryOrder {
  readonly run: string;
  readonly step: string;
  readonly workflow: string;
  readonly version: number;
  /** What makes this retry one of its own: the same again is the same retry. */
  readonly cause: string;
  /** The event's. */
  readonly key: string;
  readonly priority: string;
  readonly deadLetter: string | null;
}

const PUBLISH_WITHIN_MS = 10_000;

/** Asks the workflow actor, and waits for the log's confirmation. @returns the retry's generation, which its command will have */
export async function orderStepRetry(publisher: Publisher, order: StepRetryOrder): Promise<string> {
  const generation = createHash('sha256').update(order.cause).digest('hex').slice(0, 12);
  await publisher.publish(retryMessage(order, generation), AbortSignal.timeout(PUBLISH_WITHIN_MS));
  return generation;
}

function retryMessage({ run, step, workflow, version, key, priority, deadLetter }: StepRetryOrder, generation: string): Emit {
  return {
    id: `${run}/${step}/retry#${generation}`,
    subject: commandSubject({ priority: isPriority(priority) ? priority : 'default', slot: slotOf(key), actor: WORKFLOW_LANES.name }),
    key,
    headers: {
      [HEADERS.run]: run,
      [HEADERS.step]: step,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.ceType]: 'step.retry',
      [HEADERS.contentType]: 'application/json',
    },
    body: Buffer.from(JSON.stringify({ step, generation, workflow, version, deadLetter })),
  };
}

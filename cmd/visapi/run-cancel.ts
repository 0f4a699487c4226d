import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import type { Publisher } from '../../lib/jetstream/publisher.ts';
import type { RunRow } from '../../lib/workflow/row.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { commandSubject } from '../../streams/subjects.ts';

const PUBLISH_WITHIN_MS = 10_000;

/** Asks the workflow actor to end a run, and waits for the log's confirmation. Twice is once. */
export async function orderCancel(publisher: Publisher, run: RunRow): Promise<void> {
  await publisher.publish(cancelMessage(run), AbortSignal.timeout(PUBLISH_WITHIN_MS));
}

function cancelMessage({ id, key, priority }: RunRow): Emit {
  return {
    id: `${id}/cancel`,
    key,
    subject: commandSubject({ priority, slot: slotOf(key), actor: WORKFLOW_LANES.name }),
    headers: {
      [HEADERS.run]: id,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.ceType]: 'run.cancel',
      [HEADERS.contentType]: 'application/json',
    },
    body: Buffer.from('{}'),
  };
}

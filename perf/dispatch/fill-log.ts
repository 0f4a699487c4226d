import type { Priority } from '../../lib/core/priority.ts';
import { slotOf } from '../../lib/core/slot.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { createPublisher, type Publisher } from '../../lib/jetstream/publisher.ts';
import { commandSubject } from '../../streams/subjects.ts';

export const KEYS = 1_000;
/** Of JSON: what a step's command usually has. */
export const BODY_BYTES = 300;
/** Published at once; the publisher makes batches of them. */
const CHUNK = 5_000;

export interface Addressed {
  readonly addressee: string;
  readonly priority: Priority;
  readonly number: number;
}

/** Publishes one of an addressee's messages; its key is one of `KEYS`. */
export async function publishCommand(publisher: Publisher, { addressee, priority, number }: Addressed, fields: object = {}): Promise<void> {
  const key = `key-${number % KEYS}`;
  const subject = commandSubject({ priority, slot: slotOf(key), actor: addressee });
  const rest = JSON.stringify({ ...fields, text: '' });
  const body = Buffer.from(JSON.stringify({ ...fields, text: 'x'.repeat(Math.max(0, BODY_BYTES - rest.length)) }));
  const id = `${addressee}:${priority}:${number}`;
  await publisher.publish({ id, key, subject, headers: { 'Vis-Schema': '1' }, body }, AbortSignal.timeout(120_000));
}

/** Puts so many messages of one addressee into the log. */
export async function fillLog(connection: BrokerConnection, addressee: string, messages: number, priority: Priority): Promise<void> {
  const publisher = createPublisher(connection);
  for (let from = 0; from < messages; from += CHUNK) {
    const numbers = Array.from({ length: Math.min(CHUNK, messages - from) }, (_, at) => from + at);
    await Promise.all(numbers.map((number) => publishCommand(publisher, { addressee, priority, number })));
  }
  await publisher.stop(1_000);
}

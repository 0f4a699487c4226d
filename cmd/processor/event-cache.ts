import { reviveMessage } from '../../lib/actor/dead-letter.ts';
import type { Message } from '../../lib/actor/message.ts';
import type { WorkflowEvent } from '../../lib/workflow/event.ts';
import { storedEvent } from './workflow-input.ts';

/** Reads one stored message; undefined where it is not there any more. */
export type ReadMessage = (stream: string, seq: number) => Promise<Message | undefined>;

/** Bodies kept for the next turns of their runs: about 10,000 usual webhooks. */
const MAX_BYTES = 32 * 1024 * 1024;

/** The events whose runs are under way, the least recently used out first; what is not here is read from the log. */
export class EventCache {
  readonly #readMessage: ReadMessage;
  readonly #events = new Map<string, WorkflowEvent>();
  #bytes = 0;

  constructor(readMessage: ReadMessage) {
    this.#readMessage = readMessage;
  }

  keep(event: WorkflowEvent): void {
    const address = `${event.stream}:${event.seq}`;
    this.#drop(address);
    this.#events.set(address, event);
    this.#bytes += event.body.byteLength;
    for (const oldest of this.#events.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest);
    }
  }

  /** Undefined where the log does not have it any more. Rejects when the log does not answer. */
  async find(stream: string, seq: number): Promise<WorkflowEvent | undefined> {
    const known = this.#events.get(`${stream}:${seq}`);
    if (known !== undefined) {
      this.keep(known);
      return known;
    }
    const message = await this.#readMessage(stream, seq);
    if (message === undefined) return undefined;
    // A redelivered event has opened its run from its dead letter's copy.
    const event = storedEvent(reviveMessage(message));
    this.keep(event);
    return event;
  }

  #drop(address: string): void {
    const event = this.#events.get(address);
    if (event === undefined) return;
    this.#events.delete(address);
    this.#bytes -= event.body.byteLength;
  }
}

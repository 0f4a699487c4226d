import { reviveMessage } from '../../lib/actor/dead-letter.ts';
import type { Message } from '../../lib/actor/message.ts';
import type { WorkflowEvent } from '../../lib/workflow/event.ts';
import { storedEvent } from './workflow-input.ts';

/** Reads one stored message; undefined where it is not there any more. */
export type ReadMessage = (stream: string, seq: number) => Promise<Message | undefined>;

/** Events kept for the next turns of their runs. A few thousand are under way on a busy machine. */
const MAX_BYTES = 8 * 1024 * 1024;
/** What an event takes besides its body: a dozen of texts, in memory of V8's. Bytes, about. */
const OVERHEAD_BYTES = 2_048;

/**
 * The events whose runs are under way, the least recently used out first; what is not here is read from the log. Bodies are copied:
 * one as it arrives is a window of all that the broker has sent at once, and would keep it.
 */
export class EventCache {
  readonly #readMessage: ReadMessage;
  readonly #events = new Map<string, WorkflowEvent>();
  #bytes = 0;

  constructor(readMessage: ReadMessage) {
    this.#readMessage = readMessage;
  }

  keep(event: WorkflowEvent): void {
    this.#put({ ...event, body: Uint8Array.from(event.body) });
  }

  /** Its runs have ended, as far as anybody knows. */
  forget(stream: string, seq: number): void {
    this.#drop(`${stream}:${seq}`);
  }

  #put(event: WorkflowEvent): void {
    const address = `${event.stream}:${event.seq}`;
    this.#drop(address);
    this.#events.set(address, event);
    this.#bytes += sizeOf(event);
    for (const oldest of this.#events.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest);
    }
  }

  /** Undefined where the log does not have it any more. Rejects when the log does not answer. */
  async find(stream: string, seq: number): Promise<WorkflowEvent | undefined> {
    const known = this.#events.get(`${stream}:${seq}`);
    if (known !== undefined) {
      this.#put(known);
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
    this.#bytes -= sizeOf(event);
  }
}

function sizeOf({ body }: WorkflowEvent): number {
  return OVERHEAD_BYTES + body.byteLength;
}

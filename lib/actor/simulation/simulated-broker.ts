import type { Clock } from '../../core/clock.ts';
import { HEADERS } from '../../core/headers.ts';
import { isPriority } from '../../core/priority.ts';
import type { BrokerPort, ConsumerState, Delivery, LaneSource, LaneSpec, PublishAck, PullEnd, Room } from '../broker-port.ts';
import type { Emit, Message } from '../message.ts';

/** A broker in memory, with the rules that the runtime relies on and the faults that it has to survive. */
export class SimulatedBroker implements BrokerPort {
  readonly #clock: Clock;
  readonly #streamOf: (subject: string) => string;
  readonly #streams = new Map<string, Message[]>();
  readonly #ids = new Map<string, number>();
  readonly #consumers = new Map<string, Consumer>();
  readonly #waiting = new Set<() => void>();
  #created = 0;

  constructor(clock: Clock, streamOf: (subject: string) => string) {
    this.#clock = clock;
    this.#streamOf = streamOf;
  }

  publish(emit: Emit, signal: AbortSignal): Promise<PublishAck> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const stream = this.#streamOf(emit.subject);
    const known = this.#ids.get(`${stream}:${emit.id}`);
    if (known !== undefined) return Promise.resolve({ seq: known, duplicate: true });
    const messages = this.messages(stream);
    const seq = messages.length + 1;
    const priority = emit.subject.split('.')[1] ?? '';
    messages.push({
      id: emit.id,
      key: emit.key,
      priority: isPriority(priority) ? priority : 'default',
      stream,
      seq,
      subject: emit.subject,
      headers: { ...emit.headers, [HEADERS.id]: emit.id, [HEADERS.key]: emit.key, [HEADERS.msgId]: emit.id },
      body: emit.body,
      storedAt: this.#clock.now(),
      round: Number(emit.headers[HEADERS.round] ?? 0),
    });
    this.#ids.set(`${stream}:${emit.id}`, seq);
    for (const wake of this.#waiting) wake();
    return Promise.resolve({ seq, duplicate: false });
  }

  read(stream: string, seq: number): Promise<Message | undefined> {
    return Promise.resolve(this.messages(stream)[seq - 1]);
  }

  /** All messages of a stream, in order. */
  messages(stream: string): Message[] {
    let messages = this.#streams.get(stream);
    if (messages === undefined) this.#streams.set(stream, (messages = []));
    return messages;
  }

  /** Forgets every consumer, as a restart does with those that are kept in memory. */
  restart(): void {
    this.#consumers.clear();
    for (const wake of this.#waiting) wake();
  }

  /** The next message of a consumer goes to nobody, as with a frozen owner's open pull. */
  steal(stream: string, consumer: string): void {
    const found = this.#consumers.get(`${stream}/${consumer}`);
    if (found !== undefined) found.isStolenFrom = true;
  }

  /** Somebody re-points a consumer; its creation time stays. */
  reset(stream: string, consumer: string, seq: number): void {
    const found = this.#consumers.get(`${stream}/${consumer}`);
    if (found !== undefined) Object.assign(found, { next: seq, consumerSeq: 0 });
    for (const wake of this.#waiting) wake();
  }

  lane(spec: LaneSpec): LaneSource {
    const { stream, consumer, filterSubjects } = spec;
    const id = `${stream}/${consumer}`;
    const state = ({ created, consumerSeq, next, isWanted }: Consumer): ConsumerState => {
      const messages = this.messages(stream);
      const lastSeq = messages.length;
      let pending = 0;
      for (let seq = next; seq <= lastSeq; seq++) if (isWanted(messages[seq - 1]!.subject)) pending++;
      return { created, deliveredConsumerSeq: consumerSeq, deliveredStreamSeq: next - 1, pending, lastSeq };
    };
    return {
      ensure: () => {
        let found = this.#consumers.get(id);
        if (found === undefined)
          this.#consumers.set(
            id,
            (found = {
              created: String(++this.#created),
              isWanted: createFilter(filterSubjects),
              next: 1,
              consumerSeq: 0,
              isStolenFrom: false,
            }),
          );
        return Promise.resolve(state(found));
      },
      repoint: (seq) => {
        const found = this.#consumers.get(id);
        const end = this.messages(stream).length + 1;
        if (found === undefined) return Promise.reject(new Error(`consumer ${id} is not there`));
        if (seq > end) return Promise.reject(new RangeError(`re-pointing ${id}: expected a sequence up to ${end}, got ${seq}`));
        Object.assign(found, { next: seq, consumerSeq: 0 });
        return Promise.resolve(state(found));
      },
      pull: (room, expiresMs, onDelivery, signal) => this.#pull(id, stream, room, expiresMs, onDelivery, signal),
      ack: () => undefined,
      term: () => undefined,
    };
  }

  async #pull(
    id: string,
    stream: string,
    room: Room,
    expiresMs: number,
    onDelivery: (delivery: Delivery) => void,
    signal: AbortSignal,
  ): Promise<PullEnd> {
    const deadline = this.#clock.monotonic() + expiresMs;
    for (let { messages, bytes } = room; messages > 0 && bytes > 0;) {
      if (signal.aborted) throw signal.reason;
      const consumer = this.#consumers.get(id);
      if (consumer === undefined) return 'interrupted';
      const message = this.#next(stream, consumer);
      if (message !== undefined) {
        messages--;
        bytes -= message.body.byteLength;
        onDelivery({ message, consumerSeq: consumer.consumerSeq, handle: String(message.seq) });
        continue;
      }
      const remaining = deadline - this.#clock.monotonic();
      if (remaining <= 0) return 'expired';
      await this.#wait(remaining, signal);
    }
    return 'complete';
  }

  #next(stream: string, consumer: Consumer): Message | undefined {
    const messages = this.messages(stream);
    while (consumer.next <= messages.length) {
      const message = messages[consumer.next - 1]!;
      consumer.next++;
      if (!consumer.isWanted(message.subject)) continue;
      consumer.consumerSeq++;
      if (!consumer.isStolenFrom) return message;
      consumer.isStolenFrom = false;
    }
    return undefined;
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#clock.after(ms, wake);
      signal.addEventListener('abort', wake);
      this.#waiting.add(wake);
    });
  }
}

interface Consumer {
  readonly created: string;
  readonly isWanted: (subject: string) => boolean;
  next: number;
  consumerSeq: number;
  isStolenFrom: boolean;
}

/** Subjects come again and again: each is looked at once. */
function createFilter(filterSubjects: readonly string[]): (subject: string) => boolean {
  const filters = filterSubjects.map((filter) => filter.split('.'));
  const known = new Map<string, boolean>();
  return (subject) => {
    let isWanted = known.get(subject);
    if (isWanted === undefined) {
      const tokens = subject.split('.');
      known.set(subject, (isWanted = filters.some((filter) => matches(filter, tokens))));
    }
    return isWanted;
  };
}

function matches(filter: readonly string[], subject: readonly string[]): boolean {
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '>') return subject.length > i;
    if (subject[i] === undefined || (filter[i] !== '*' && filter[i] !== subject[i])) return false;
  }
  return filter.length === subject.length;
}

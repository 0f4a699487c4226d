import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

/** A message for Slack that arrived. */
export interface SinkMessage {
  readonly kind: 'slack';
  /** RFC 3339 in UTC. */
  readonly at: string;
  /** With its `#`. */
  readonly channel: string;
  readonly channelId: string;
  /** Slack's identity of a message in its channel. */
  readonly ts: string;
  readonly via: 'incoming-webhook' | 'chat.postMessage';
  readonly idempotencyKey: string | null;
  readonly text: string;
  /** The payload as it was sent. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly attachments: readonly unknown[];
}

/** An e-mail that arrived. */
export interface SinkEmail {
  readonly kind: 'email';
  /** RFC 3339 in UTC. */
  readonly at: string;
  /** In the order of arrival; names it in `/messages/<id>`. */
  readonly id: string;
  /** The recipient's address, as the server was told it. */
  readonly channel: string;
  readonly from: string;
  /** Who it says it is for. */
  readonly to: string;
  readonly subject: string;
  readonly messageId: string;
  readonly text: string;
  readonly html: string | null;
  /** By lower-case name, decoded; repeated ones joined by a line break. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly attachments: readonly SinkAttachment[];
}

export interface SinkAttachment {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Where its bytes are, as long as the sink has them in memory. */
  readonly path: string;
}

export type SinkArrival = SinkMessage | SinkEmail;

/** A request to one of Slack's doors, or a mail offered to the server, whatever came of it. */
export interface SinkAttempt {
  /** When its headers were read; RFC 3339 in UTC. */
  readonly at: string;
  readonly via: SinkMessage['via'] | 'smtp';
  readonly channel: string | null;
  readonly idempotencyKey: string | null;
  readonly text: string | null;
  /** Of HTTP or SMTP. Null: no whole answer was sent. */
  readonly status: number | null;
  /** `arrived`: there is a message. `refused`: the checks of Slack or of a mail server. `behaviour`: told to. */
  readonly outcome: 'arrived' | 'refused' | 'behaviour';
  /** Slack's error code, the mail server's answer, or the hang-up. */
  readonly because: string | null;
}

/** What arrived: bounded, the oldest goes first. Messages are never deduplicated. */
export class Arrivals {
  readonly #limit: number;
  readonly #messages: SinkArrival[] = [];
  readonly #attempts: SinkAttempt[] = [];
  readonly #fd: number | undefined;
  #lastTs = 0;

  /** `file`: every message is also appended there, one JSON per line, before it is answered. Its last ones are there again. */
  constructor(limit: number, file?: string) {
    this.#limit = limit;
    if (file === undefined) return;
    this.#fd = openSync(file, 'a+', 0o600);
    this.#messages.push(...readLast(this.#fd).slice(-limit));
  }

  addMessage(message: Omit<SinkMessage, 'at' | 'ts'>): SinkMessage {
    const { at, number } = this.#stamp();
    return this.#add({ at, ts: number, ...message });
  }

  addEmail(email: (id: string) => Omit<SinkEmail, 'at' | 'id'>): SinkEmail {
    const { at, number: id } = this.#stamp();
    return this.#add({ at, id, ...email(id) });
  }

  #stamp(): { at: string; number: string } {
    const now = Date.now();
    // Microseconds, and never the same twice.
    this.#lastTs = Math.max(this.#lastTs + 1, now * 1_000);
    return { at: new Date(now).toISOString(), number: `${Math.floor(this.#lastTs / 1e6)}.${String(this.#lastTs % 1e6).padStart(6, '0')}` };
  }

  #add<Arrival extends SinkArrival>(arrival: Arrival): Arrival {
    // Synchronously: a killed process leaves every message that it answered for.
    if (this.#fd !== undefined) writeSync(this.#fd, `${JSON.stringify(arrival)}\n`);
    push(this.#messages, arrival, this.#limit);
    return arrival;
  }

  addAttempt(attempt: SinkAttempt): void {
    push(this.#attempts, attempt, this.#limit);
  }

  messages(filter: ArrivalFilter = {}): SinkArrival[] {
    const { kind, channel } = filter;
    const ofKind = kind === undefined ? this.#messages : this.#messages.filter((message) => message.kind === kind);
    return select(ofKind, filter, (message) => message.channel === channel || (message.kind === 'slack' && message.channelId === channel));
  }

  attempts(filter: ArrivalFilter = {}): SinkAttempt[] {
    return select(this.#attempts, filter, (attempt) => attempt.channel === filter.channel);
  }

  clear(): void {
    this.#messages.length = 0;
    this.#attempts.length = 0;
    if (this.#fd !== undefined) ftruncateSync(this.#fd);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

export interface ArrivalFilter {
  readonly kind?: SinkArrival['kind'] | undefined;
  /** Name with its `#`, or id; of an e-mail its recipient. */
  readonly channel?: string | undefined;
  /** Later than this, milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** The newest of them at most. */
  readonly limit?: number | undefined;
}

/** Bytes that are read back from a file: some thousand messages. */
const READ_BACK_BYTES = 4_194_304;

/** The messages at the end of a file. A line that is not whole is left out: at the front it is cut, at the end its write was. */
function readLast(fd: number): SinkArrival[] {
  const { size } = fstatSync(fd);
  const start = Math.max(0, size - READ_BACK_BYTES);
  const buffer = Buffer.alloc(size - start);
  readSync(fd, buffer, 0, buffer.length, start);
  const text = buffer.toString('utf8');
  if (text !== '' && !text.endsWith('\n')) writeSync(fd, '\n');
  return text.split('\n').flatMap((line) => {
    try {
      // Before there were e-mails, a line did not say its kind.
      return [{ kind: 'slack', ...(JSON.parse(line) as object) } as SinkArrival];
    } catch {
      return [];
    }
  });
}

function select<Item extends { readonly at: string }>(items: Item[], filter: ArrivalFilter, isChannel: (item: Item) => boolean): Item[] {
  const { channel, sinceMs, limit } = filter;
  const found = items.filter(
    (item) => (channel === undefined || isChannel(item)) && (sinceMs === undefined || Date.parse(item.at) > sinceMs),
  );
  return limit === undefined ? found : found.slice(Math.max(0, found.length - limit));
}

function push<Item>(list: Item[], item: Item, limit: number): void {
  list.push(item);
  // A tenth at once: shifting one by one would copy the list each time.
  if (list.length > limit) list.splice(0, Math.max(1, Math.ceil(limit / 10)));
}

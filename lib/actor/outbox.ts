import { AppError } from '../core/app-error.ts';
import type { Clock } from '../core/clock.ts';
import type { BrokerPort } from './broker-port.ts';
import type { ActorLog } from './define-actor.ts';
import type { OutboxEntry, UnitId, UnitLease } from './record-port.ts';

/**
 * Publishes what was settled, in order per key, under derived ids. The rows in the store are the truth; this is their
 * owner's memory of them. A crash repeats at most a publish under the same id.
 */
export interface OutboxOptions {
  readonly broker: BrokerPort;
  readonly clock: Clock;
  readonly log: ActorLog;
  /** The log has it. */
  readonly onPublished: (entry: OutboxEntry, seq: number) => void;
}

/** How long to wait before the broker is asked again while it is away or takes no more. */
const AGAIN_MS = 250;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #stop = new AbortController();
  readonly #pending = new Map<Promise<void>, UnitLease>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Hands committed entries over; the publisher keeps the order of each key. Resolves when all are published or given up. */
  async send(entries: readonly OutboxEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const all = entries.map((entry) => {
      const sending = this.#send(entry).finally(() => this.#pending.delete(sending));
      this.#pending.set(sending, entry.unit);
      return sending;
    });
    await Promise.all(all);
  }

  /** Resolves when all that was handed over is published or given up. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending.keys());
  }

  /** The same for one unit: what others hand over meanwhile is not waited for. */
  async idleOf({ actor, partition }: UnitId): Promise<void> {
    const own = [...this.#pending].filter(([, unit]) => unit.actor === actor && unit.partition === partition);
    await Promise.all(own.map(([sending]) => sending));
  }

  /** Gives up what is not confirmed yet: its rows stay, and the next owner publishes them. */
  stop(): void {
    this.#stop.abort();
  }

  async #send(entry: OutboxEntry): Promise<void> {
    const { broker, clock, log, onPublished } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const body = 'copyOf' in entry ? await this.#readBody(entry.copyOf) : entry.body;
        const { id, subject, key, headers } = entry;
        const ack = await broker.publish({ id, subject, key, headers, body }, signal);
        onPublished(entry, ack.seq);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const fields = { err: error, messageId: entry.id, subject: entry.subject };
        if (!(error instanceof AppError) || !error.retryable) {
          log.error(fields, 'the log refuses an output for good; its row stays in the outbox');
          return;
        }
        log.warn(fields, 'an output could not be published; trying again');
        await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
      }
    }
  }

  /** An empty body where the original has left the log already: the fate and the headers are still worth keeping. */
  async #readBody({ stream, seq }: { stream: string; seq: number }): Promise<Uint8Array> {
    return (await this.#options.broker.read(stream, seq))?.body ?? new Uint8Array();
  }
}

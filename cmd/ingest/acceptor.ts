import type { BrokerPort } from '../../lib/actor/broker-port.ts';
import { AppError } from '../../lib/core/app-error.ts';
import type { ReceivedEvent } from '../../lib/webhook/received-event.ts';
import { createEventMessage } from './event-message.ts';

/**
 * Accepting an event: it resolves only when the event is durable, and that is what a 2xx says. Everything in front of it
 * (verification, limits, mapping) and everything behind it (where the event is kept, how it reaches the log) can change
 * without the other.
 */
export interface Acceptor {
  /**
   * Accepts each event once per identity, in this order: a repeated one is `duplicate`, and is not stored again. An event
   * without a provider's id has an identity of its own, and is never a duplicate.
   * Always settles within `ACCEPT_TIMEOUT_MS`. @throws AppError `not_accepting` when nothing durable can be reached in time;
   * then the events may be stored or not, and the sender may send them again.
   */
  accept(events: readonly ReceivedEvent[]): Promise<readonly Accepted[]>;
  /** The same for an acceptor that may store a part of them: what became of each, in their order. Never rejects. */
  acceptEach?(events: readonly ReceivedEvent[]): Promise<readonly (Accepted | AppError)[]>;
}

export interface Accepted {
  readonly duplicate: boolean;
}

/** What became of each of these events, whether or not they are stored together. @throws as `accept` does where none is stored */
export async function acceptEach(acceptor: Acceptor, events: readonly ReceivedEvent[]): Promise<readonly (Accepted | AppError)[]> {
  if (acceptor.acceptEach === undefined) return await acceptor.accept(events);
  const outcomes = await acceptor.acceptEach(events);
  if (outcomes.length > 0 && outcomes.every((outcome) => outcome instanceof AppError)) throw outcomes[0]!;
  return outcomes;
}

/** Slack waits 3 s for an answer, the shortest of all providers; every answer leaves within 2.5 s. */
export const ACCEPT_TIMEOUT_MS = 2_200;

/** A broker that restarts is back in a second or two; a leader that is elected takes up to nine. */
export const RETRY_AFTER_SECONDS = 5;

/** Accepts by the log's own fsynced confirmation, and knows duplicates by the broker's window of two minutes. */
export function createLogAcceptor(broker: Pick<BrokerPort, 'publish'>, timeoutMs = ACCEPT_TIMEOUT_MS): Acceptor {
  const toMessage = createEventMessage();

  async function acceptOne(event: ReceivedEvent, signal: AbortSignal): Promise<Accepted | AppError> {
    try {
      return await broker.publish(toMessage(event), signal);
    } catch (error) {
      if (error instanceof AppError && error.code === 'too_large') return error;
      return new AppError('not_accepting', `expected the log to confirm within ${timeoutMs} ms`, {
        cause: error,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
  }

  async function acceptEach(events: readonly ReceivedEvent[]): Promise<readonly (Accepted | AppError)[]> {
    const signal = AbortSignal.timeout(timeoutMs);
    return await Promise.all(events.map((event) => acceptOne(event, signal)));
  }

  return {
    acceptEach,
    async accept(events) {
      return (await acceptEach(events)).map((outcome) => {
        if (outcome instanceof AppError) throw outcome;
        return outcome;
      });
    },
  };
}

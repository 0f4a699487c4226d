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
}

export interface Accepted {
  readonly duplicate: boolean;
}

/** Slack waits 3 s for an answer, the shortest of all providers; every answer leaves within 2.5 s. */
export const ACCEPT_TIMEOUT_MS = 2_200;

/** A broker that restarts is back in a second or two; a leader that is elected takes up to nine. */
export const RETRY_AFTER_SECONDS = 5;

/** Accepts by the log's own fsynced confirmation, and knows duplicates by the broker's window of two minutes. */
export function createLogAcceptor(broker: Pick<BrokerPort, 'publish'>, timeoutMs = ACCEPT_TIMEOUT_MS): Acceptor {
  const toMessage = createEventMessage();
  return {
    async accept(events) {
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        return await Promise.all(events.map((event) => broker.publish(toMessage(event), signal)));
      } catch (error) {
        if (error instanceof AppError && error.code === 'too_large') throw error;
        throw new AppError('not_accepting', `expected the log to confirm within ${timeoutMs} ms`, {
          cause: error,
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
    },
  };
}

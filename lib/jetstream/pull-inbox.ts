import { createInbox, type Msg, type Subscription } from '@nats-io/transport-node';
import type { Delivery, PullEnd, Room } from '../actor/broker-port.ts';
import type { BrokerConnection } from './connection.ts';
import { readAckSubject, toMessage } from './stored-message.ts';
import { nanoseconds } from './stream-config.ts';

/** After its expiry a pull's last words are on their way for this long, on a machine under load. */
const GRACE_MS = 250;

/** The server's words for an end that is none of an interruption (ADR-37). */
const ROOM_IS_USED = new Set(['batch completed', 'message size exceeds maxbytes']);

export interface PullInbox {
  /** Starts one pull. `onEnd` is called once; deliveries come before it. Returns what ends it without calling `onEnd`. */
  pull(
    room: Room,
    expiresMs: number,
    nextSubject: string,
    onDelivery: (delivery: Delivery) => void,
    onEnd: (end: PullEnd) => void,
  ): () => void;
  /** Forgets the pulls of before: what they still bring goes nowhere, and the server sees that nobody listens. */
  renew(): void;
}

/**
 * The reply inbox of one lane's pulls: a subscription that is kept from pull to pull, and replaced when a pull ended
 * without the server's word, so that a pull which may still be open at the server finds no listener and eats no message.
 */
export function createPullInbox(connection: BrokerConnection, stream: string): PullInbox {
  const { nats } = connection;
  let subject = '';
  let subscription: Subscription | undefined;
  let number = 0;
  let current: { readonly onMessage: (message: Msg) => void } | undefined;

  function renew(): void {
    if (subscription !== undefined && !nats.isClosed()) subscription.unsubscribe();
    subscription = undefined;
  }

  function listen(): void {
    if (subscription !== undefined && !subscription.isClosed()) return;
    subject = createInbox();
    subscription = nats.subscribe(`${subject}.*`, {
      callback(error, message) {
        if (error !== null) return;
        // A delivery's subject is its own; a status comes to the reply subject of its pull.
        current?.onMessage(message);
      },
    });
  }

  return {
    renew,
    pull(room, expiresMs, nextSubject, onDelivery, onEnd) {
      listen();
      number += 1;
      const reply = `${subject}.${number}`;
      let received = 0;

      const end = (how: PullEnd, isClean: boolean): void => {
        if (current !== pulling) return;
        stop(isClean);
        onEnd(how);
      };
      const stop = (isClean: boolean): void => {
        clearTimeout(timer);
        stopListening();
        current = undefined;
        if (!isClean) renew();
      };
      const pulling = {
        onMessage(message: Msg): void {
          const address = readAckSubject(message.reply ?? '');
          if (address !== undefined) {
            received += 1;
            const { streamSeq: seq, consumerSeq, storedAt } = address;
            onDelivery({
              message: toMessage({ stream, seq, subject: message.subject, storedAt }, message),
              consumerSeq,
              handle: message.reply ?? '',
            });
            if (received >= room.messages) end('complete', true);
          } else if (message.subject === reply) {
            onStatus(message.headers?.code ?? 0, message.headers?.description ?? '');
          }
        },
      };
      const onStatus = (code: number, description: string): void => {
        // 100 is a heartbeat. 404 and 408: nothing came, or the time is up. 409 and 503: consumer, leader or stream is gone.
        if (code === 404 || code === 408) end('expired', true);
        else if (code === 409 && ROOM_IS_USED.has(description.toLowerCase())) end('complete', true);
        else if (code >= 400) end('interrupted', true);
      };

      current = pulling;
      const stopListening = connection.onChange(() => end('interrupted', false));
      // What has arrived is read first: after a blocked event loop timers run before the socket.
      const timer = setTimeout(() => setImmediate(() => end('interrupted', false)), expiresMs + GRACE_MS);
      nats.publish(nextSubject, JSON.stringify({ batch: room.messages, max_bytes: room.bytes, expires: nanoseconds(expiresMs) }), {
        reply,
      });
      return () => {
        if (current === pulling) stop(false);
      };
    },
  };
}

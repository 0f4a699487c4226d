import type { ConsumerState, Delivery, LaneSource, LaneSpec, PullEnd } from '../actor/broker-port.ts';
import { AppError } from '../core/app-error.ts';
import { onAbort } from './abort-listeners.ts';
import { API_CODES, ApiRefusal, requestApi, requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';
import { readBounds } from './log-reader.ts';
import { createPullInbox } from './pull-inbox.ts';
import { nanoseconds } from './stream-config.ts';

/** Longer than any handler may run: a placed lane is re-pointed by its owner, never redelivered by the clock. */
const ACK_WAIT_MS = 3_600_000;
/** At least twice what the lanes of one unit buffer, so that a full buffer never looks like an empty log. */
const MAX_ACK_PENDING = 1_000;
/** A lane that cannot be opened within this says so; its owner decides. */
const API_WITHIN_MS = 5_000;

/** A reset takes milliseconds; without an answer by then the consumer is created, which changes nothing where it is there. */
const RESET_FIRST_MS = 500;

/** What the server counts beside headers and body: the subjects. */
const PROTOCOL_BYTES = 64 * 1024;

interface ConsumerInfo {
  readonly created: string;
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number };
  readonly num_pending: number;
}

/**
 * One lane's consumer over the raw JetStream API: durable by name, kept in memory. The lane's record is the truth, so this
 * room keeps no position of its own: it creates, re-points, pulls, acknowledges.
 *
 * At most one pull at a time. `ensure` and `repoint` are for when none runs.
 */
export function createLaneSource(connection: BrokerConnection, spec: LaneSpec): LaneSource {
  const { stream, consumer, filterSubjects, forgottenAfterMs } = spec;
  const { nats } = connection;
  const inbox = createPullInbox(connection, stream);
  const nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;

  async function stateOf(info: ConsumerInfo): Promise<ConsumerState> {
    const { lastSeq } = await readBounds(connection, stream);
    return {
      created: info.created,
      deliveredConsumerSeq: info.delivered.consumer_seq,
      deliveredStreamSeq: info.delivered.stream_seq,
      pending: info.num_pending,
      lastSeq,
    };
  }

  function create(): Promise<ConsumerInfo> {
    const config = {
      name: consumer,
      durable_name: consumer,
      deliver_policy: 'all',
      ack_policy: 'explicit',
      ack_wait: nanoseconds(ACK_WAIT_MS),
      max_deliver: -1,
      max_ack_pending: MAX_ACK_PENDING,
      mem_storage: true,
      filter_subjects: filterSubjects,
      ...(forgottenAfterMs === undefined ? {} : { inactive_threshold: nanoseconds(forgottenAfterMs) }),
    };
    return requestApiUntil(connection, `$JS.API.CONSUMER.CREATE.${stream}.${consumer}`, { stream_name: stream, config }, API_WITHIN_MS);
  }

  /** Nobody listens where the consumer is missing, so an answer that does not come may mean that, too. */
  async function reset(seq: number): Promise<ConsumerInfo> {
    const subject = `$JS.API.CONSUMER.RESET.${stream}.${consumer}`;
    try {
      return await requestApi(connection, subject, { seq }, RESET_FIRST_MS);
    } catch (error) {
      if (!(error instanceof AppError) || (error.code !== 'broker_unavailable' && !isMissing(error))) throw error;
      await create();
      return requestApiUntil(connection, subject, { seq }, API_WITHIN_MS);
    }
  }

  return {
    async ensure() {
      return stateOf(await create());
    },
    async repoint(seq) {
      const { firstSeq, lastSeq } = await readBounds(connection, stream);
      // The server takes a sequence past the end, and skips everything up to it without a word.
      if (!Number.isSafeInteger(seq) || seq > lastSeq + 1)
        throw new AppError('out_of_bounds', `lane ${consumer} of ${stream}: expected a sequence up to ${lastSeq + 1}, got ${seq}`);
      // 0 would mean the consumer's own acknowledgement floor to the server.
      const from = Math.max(seq, firstSeq, 1);
      // A pull of before must not deliver what comes next into nowhere.
      inbox.renew();
      return stateOf(await reset(from));
    },
    pull({ messages, bytes }, expiresMs, onDelivery, signal) {
      return new Promise<PullEnd>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        let stop = (): void => undefined;
        const stopWaiting = onAbort(signal, () => {
          stop();
          reject(signal.reason);
        });
        const end = (how: PullEnd): void => {
          stopWaiting();
          if (nats.isClosed()) reject(new AppError('broker_unavailable', 'the connection to the broker was closed'));
          else resolve(how);
        };
        if (connection.isConnected()) {
          // A message that is larger than what is asked for would never come.
          const room = { messages, bytes: Math.max(bytes, (nats.info?.max_payload ?? 0) + PROTOCOL_BYTES) };
          stop = inbox.pull(room, expiresMs, nextSubject, onDelivery, end);
        } else {
          // Not at once: its owner would ask again and again.
          const interrupted = (): void => end('interrupted');
          connection.whenConnected(expiresMs).then(interrupted, interrupted);
        }
      });
    },
    ack(delivery) {
      answer(delivery, ACKNOWLEDGED);
    },
    term(delivery, reason) {
      answer(delivery, `+TERM ${reason}`);
    },
  };

  function answer(delivery: Delivery, payload: string | Uint8Array): void {
    // While disconnected it would be sent, or not, after the return; lost is what the contract allows.
    if (connection.isConnected()) nats.publish(delivery.handle, payload);
  }
}

/** An empty answer means that; as bytes nothing is left to encode. */
const ACKNOWLEDGED = new Uint8Array();

function isMissing(error: AppError): boolean {
  return error instanceof ApiRefusal && error.apiCode === API_CODES.consumerNotFound;
}

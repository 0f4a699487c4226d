import type { Emit, Message } from './message.ts';

/**
 * What the runtime asks of a broker: create, re-point, pull, ack, term; read one message; publish. The consumers are
 * durable by name and kept in memory: the lane's record is the truth, so a consumer that is missing or forgetful is
 * created again and re-pointed by its owner.
 */
export interface BrokerPort {
  /** Opens one lane's consumer; does no I/O yet. */
  lane(spec: LaneSpec): LaneSource;
  /** Reads one stored message; undefined where it is not there any more. */
  read(stream: string, seq: number): Promise<Message | undefined>;
  /**
   * Publishes one message and resolves when the log has confirmed it. Retries by itself under the same id until it is
   * confirmed or `signal` aborts. Two messages of one key are never unconfirmed at once.
   */
  publish(emit: Emit, signal: AbortSignal): Promise<PublishAck>;
}

export interface PublishAck {
  readonly seq: number;
  /** The log had it already, under the same id. */
  readonly duplicate: boolean;
}

/** One lane's consumer, as data. */
export interface LaneSpec {
  readonly stream: string;
  readonly consumer: string;
  readonly filterSubjects: readonly string[];
  /** The server forgets it when nobody has pulled for so long: a temporary one. (Default: it stays) */
  readonly forgottenAfterMs?: number;
}

export interface LaneSource {
  /**
   * Creates the consumer where it is missing (deliver policy `all`, kept in memory) and says where it stands.
   */
  ensure(): Promise<ConsumerState>;
  /** Re-points the consumer: the next delivery is the first matching message at or after `seq`. Clears what was pending. */
  repoint(seq: number): Promise<ConsumerState>;
  /**
   * One pull: deliveries for which there is `room`, within `expiresMs`, each handed to `onDelivery` in the broker's order.
   * Resolves with what ended it; rejects only when `signal` aborts or the connection is closed for good.
   */
  pull(room: Room, expiresMs: number, onDelivery: (delivery: Delivery) => void, signal: AbortSignal): Promise<PullEnd>;
  /** Fire and forget: a lost acknowledgement means a redelivery, which the record skips. */
  ack(delivery: Delivery): void;
  /** Like `ack`, and the server announces the reason. Only for a settled dead letter. */
  term(delivery: Delivery, reason: string): void;
}

/** What may come at most. A message larger than all of it comes alone. */
export interface Room {
  readonly messages: number;
  /** Of bodies. */
  readonly bytes: number;
}

export interface ConsumerState {
  /** The consumer's creation time as the server says it; a new one means that it was created anew. */
  readonly created: string;
  readonly deliveredConsumerSeq: number;
  readonly deliveredStreamSeq: number;
  /** Matching messages that were not delivered yet. */
  readonly pending: number;
  /** The log's last sequence. */
  readonly lastSeq: number;
}

export interface Delivery {
  readonly message: Message;
  /** Runs 1, 2, 3 ... since the consumer was created or re-pointed; a gap means that someone else's pull took one. */
  readonly consumerSeq: number;
  /** What the adapter needs to acknowledge it. */
  readonly handle: string;
}

/**
 * - `complete`: there is no more room, or not for the next message
 * - `expired`: the time was up
 * - `interrupted`: the broker ended it, went away or lost the consumer; `ensure` before the next pull
 */
export type PullEnd = 'complete' | 'expired' | 'interrupted';

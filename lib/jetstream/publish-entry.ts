import { AppError } from '../core/app-error.ts';
import { HEADERS } from '../core/headers.ts';
import type { PublishAck } from '../actor/broker-port.ts';
import type { Emit } from '../actor/message.ts';
import { encodeHeaderValue, headerBlock } from './header-codec.ts';
import type { Queued } from './publish-queue.ts';

/** One message on its way into the log. */
export interface PublishEntry extends Queued {
  readonly subject: string;
  /** Its headers as text, without the end. */
  readonly block: string;
  readonly body: Uint8Array;
  /** Times it was sent. */
  tries: number;
  /** When it was sent first, monotonic milliseconds; Infinity before. */
  firstSentAt: number;
  /** What the broker said last, for the error of whoever gives up. */
  lastAnswer: string;
  /** Nobody waits for it any more; in flight it keeps its key until its fate is known or its deadline has passed. */
  abandoned: boolean;
  readonly settle: (result: PublishAck | AppError) => void;
}

/** What the broker's frame adds to headers and body: the batch headers, and a margin. */
const FRAME_BYTES = 256;
/** The server keeps the length of the headers in 16 bits. */
const MAX_HEADER_BYTES = 65_535;
const SUBJECT = /^[^\s*>]+$/;

/** @throws AppError `too_large` or `broker_refused` for what the broker could never take */
export function createEntry(emit: Emit, maxPayloadBytes: number, settle: PublishEntry['settle']): PublishEntry {
  let block: string;
  try {
    block = headerBlock([[HEADERS.id, emit.id], [HEADERS.key, emit.key], ...Object.entries(emit.headers)]);
    block += `\r\n${HEADERS.msgId}: ${encodeHeaderValue(HEADERS.msgId, emit.id)}`;
  } catch (error) {
    throw new AppError('broker_refused', `message ${emit.id}: a header cannot be sent`, { cause: error });
  }
  if (!SUBJECT.test(emit.subject))
    throw new AppError(
      'broker_refused',
      `message ${emit.id}: expected a subject without blanks and wildcards, got ${JSON.stringify(emit.subject)}`,
    );
  const headerBytes = block.length + FRAME_BYTES;
  const bytes = headerBytes + emit.body.byteLength;
  if (bytes > maxPayloadBytes)
    throw new AppError('too_large', `message ${emit.id}: expected at most ${maxPayloadBytes} bytes with its headers, got ${bytes}`);
  if (headerBytes > MAX_HEADER_BYTES)
    throw new AppError('too_large', `message ${emit.id}: expected at most ${MAX_HEADER_BYTES} bytes of headers, got ${headerBytes}`);
  return {
    key: emit.key,
    bytes,
    alone: false,
    subject: emit.subject,
    block,
    body: emit.body,
    tries: 0,
    firstSentAt: Infinity,
    lastAnswer: 'none yet',
    abandoned: false,
    settle,
  };
}

import { setTimeout } from 'node:timers/promises';
import type { BrokerPort } from '../../lib/actor/broker-port.ts';
import type { Emit } from '../../lib/actor/message.ts';
import { AppError } from '../../lib/core/app-error.ts';
import { randomEventId } from '../../lib/core/identity.ts';
import type { Seal } from '../../lib/core/seal.ts';
import { createTokenBucket } from '../../lib/core/token-bucket.ts';
import type { TokenBucket } from '../../lib/core/token-bucket.ts';
import type { RejectedMetrics } from '../../lib/telemetry/door-metrics.ts';
import { writeRejected } from '../../lib/webhook/rejected-request.ts';
import type { RejectedRequest } from '../../lib/webhook/rejected-request.ts';
import { rejectedSubject } from '../../streams/subjects.ts';

/**
 * Keeps requests that could not be verified. Whoever sends them decides how many there are, so this may cost the genuine
 * ones nothing: a source has a rate and a share of the place, few are under way to the broker at once, and what waits is bounded. What does not fit is
 * dropped and counted.
 */
export interface RejectedStore {
  /** Takes one, or drops it. Returns at once and never throws: the answer to the sender does not wait for it. */
  keep(request: Refused): void;
  /** Takes nothing more, waits up to `timeoutMs` for what is under way, drops the rest. */
  stop(timeoutMs: number): Promise<void>;
  /** What waits and what is under way. */
  readonly held: number;
}

/** As the route saw it. */
export type Refused = Omit<RejectedRequest, 'id' | 'number'>;

export interface RejectedStoreOptions {
  readonly broker: Pick<BrokerPort, 'publish'>;
  readonly seal: Pick<Seal, 'seal'>;
  readonly metrics: RejectedMetrics;
  /** Requests that are kept per second and source. */
  readonly ratePerSecond: number;
  /** Requests of one source that are kept at once, after a pause. */
  readonly burst: number;
  /** Bytes of one source that are kept at once, and then as many per day. (Default: 64 MiB) */
  readonly sourceBytesPerDay?: number;
  /** How long one request is offered to the broker. (Default: 60 000) */
  readonly giveUpAfterMs?: number;
  /** Requests that wait or are under way. (Default: 2 000) */
  readonly maxHeld?: number;
}

/** Unconfirmed at once. Each is a write to the disk that the events need; with four of them it writes all the time already. */
export const REJECTED_WINDOW = 4;
/** So many that wait go together, one group after the other: the publisher makes batches of them, and a batch is one write. */
export const GROUP_FROM = 40;
const GROUP = 250;
/** What waits for a broker that is away or slow: a burst, and no more memory than the bodies of sixteen large requests. */
const MAX_HELD = 2_000;
const MAX_HELD_BYTES = 16 * 1024 ** 2;
/** Half of the broker's duplicate window: what was stored without our knowing is not stored twice. */
const GIVE_UP_AFTER_MS = 60_000;
const RETRY_MS = 250;
/** What a request may have for the price of one: nearly all webhooks stay below. */
const USUAL_BYTES = 16 * 1024;

/**
 * A quarter of REJECTED's 256 MiB, and 10,000 requests of 6 KB. By its rate alone a source could push out what others have there in about a minute;
 * so it takes three days, in which somebody has heard of it.
 */
const SOURCE_BYTES_PER_DAY = 64 * 1024 ** 2;
const SECONDS_PER_DAY = 86_400;
/** What the log adds to a request: id, subject, times, and the seal's own bytes. */
const FRAME_BYTES = 500;

/** Why a request was not kept. */
type DropCause = 'rate' | 'share' | 'full' | 'too_large' | 'unavailable' | 'refused' | 'stopped';

interface Waiting {
  readonly request: Refused;
  readonly emit: Emit;
}

/** Starts nothing until the first request is refused. */
export function createRejectedStore(options: RejectedStoreOptions): RejectedStore {
  const { broker, seal, metrics, giveUpAfterMs = GIVE_UP_AFTER_MS, maxHeld = MAX_HELD } = options;
  const { sourceBytesPerDay = SOURCE_BYTES_PER_DAY } = options;
  const share = { ratePerSecond: sourceBytesPerDay / SECONDS_PER_DAY, burst: sourceBytesPerDay };
  const limits = new Map<string, { readonly rate: TokenBucket; readonly share: TokenBucket }>();
  const waiting: Waiting[] = [];
  const stopping = new AbortController();
  let underWay = 0;
  let heldBytes = 0;
  let lastNumber = 0;
  let isStopping = false;
  let deadline: { readonly madeAt: number; readonly signal: AbortSignal } | undefined;
  let onIdle: (() => void) | undefined;

  /** The limit that this request is over; undefined where it may be kept. */
  function overLimit(request: Refused): 'rate' | 'share' | undefined {
    const now = performance.now();
    let limit = limits.get(request.source);
    if (limit === undefined) limits.set(request.source, (limit = { rate: createTokenBucket(options), share: createTokenBucket(share) }));
    if (!limit.rate.take(now, costOf(request))) return 'rate';
    return limit.share.take(now, storedBytes(request)) ? undefined : 'share';
  }

  function drop({ source }: Refused, cause: DropCause): void {
    metrics.dropped.inc({ source, cause });
  }

  function pump(): void {
    const isCrowded = waiting.length >= GROUP_FROM;
    // What is under way is let through first, or there would never be room for a whole group.
    if (isCrowded && underWay > 0) return;
    const room = isCrowded ? GROUP : REJECTED_WINDOW - underWay;
    for (const next of waiting.splice(0, Math.max(0, room))) {
      underWay += 1;
      void store(next);
    }
    if (underWay === 0) onIdle?.();
  }

  async function store({ request, emit }: Waiting): Promise<void> {
    const { source, reason } = request;
    const error = await publish(emit, deadlineSignal());
    if (error === undefined) metrics.stored.inc({ source, reason });
    else drop(request, causeOf(error, stopping.signal.aborted));
    underWay -= 1;
    heldBytes -= sizeOf(emit);
    pump();
  }

  /** One for all that are offered within a second: a timer for each would cost more than the rest of it. */
  function deadlineSignal(): AbortSignal {
    const now = performance.now();
    if (deadline === undefined || now - deadline.madeAt > 1_000)
      deadline = { madeAt: now, signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(giveUpAfterMs)]) };
    return deadline.signal;
  }

  /** Undefined when it is stored. */
  async function publish(emit: Emit, signal: AbortSignal): Promise<unknown> {
    for (;;) {
      try {
        await broker.publish(emit, signal);
        return undefined;
      } catch (error) {
        if (signal.aborted || !(error instanceof AppError) || !error.retryable) return error;
        // A broker that was never there says so at once.
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  return {
    get held() {
      return waiting.length + underWay;
    },
    keep(request) {
      if (isStopping) return drop(request, 'stopped');
      if (waiting.length + underWay >= maxHeld || heldBytes + request.body.byteLength > MAX_HELD_BYTES) return drop(request, 'full');
      const over = overLimit(request);
      if (over !== undefined) return drop(request, over);
      const id = randomEventId(request.receivedAtMs);
      lastNumber += 1;
      const stored = writeRejected({ ...request, id, number: lastNumber }, seal);
      // Each is its own key: what they are about is not known before they are verified.
      const emit = { id, key: id, subject: rejectedSubject(request.source, request.reason), ...stored };
      heldBytes += sizeOf(emit);
      waiting.push({ request, emit });
      pump();
    },
    async stop(timeoutMs) {
      isStopping = true;
      if (underWay > 0) {
        const idle = new Promise<void>((resolve) => (onIdle = resolve));
        await Promise.race([idle, setTimeout(timeoutMs, undefined, { ref: false })]);
      }
      for (const { request } of waiting.splice(0)) drop(request, 'stopped');
      stopping.abort();
    },
  };
}

/** A large request takes the room of many usual ones, which a stranger could else push out of the stream within seconds. */
function costOf({ body }: Refused): number {
  return Math.max(1, body.byteLength / USUAL_BYTES);
}

/** About what it takes in the stream, before it is sealed: headers become a third longer. */
function storedBytes({ body, rawHeaders }: Refused): number {
  return FRAME_BYTES + body.byteLength + Math.ceil((rawHeaders.reduce((sum, text) => sum + text.length, 0) * 4) / 3);
}

function sizeOf({ headers, body }: Emit): number {
  return Object.values(headers).reduce((sum, value) => sum + value.length, body.byteLength);
}

function causeOf(error: unknown, isStopping: boolean): DropCause {
  if (isStopping) return 'stopped';
  if (!(error instanceof AppError)) return 'refused';
  if (error.code === 'too_large') return 'too_large';
  return error.retryable ? 'unavailable' : 'refused';
}

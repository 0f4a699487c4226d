import type { Counter } from 'prom-client';
import { failPoint } from '../../lib/journal/fail-point.ts';
import type { Appended, Journal, JournalOffer } from '../../lib/journal/journal.ts';
import type { Relay } from '../../lib/journal/relay.ts';
import { AppError } from '../../lib/core/app-error.ts';
import { createDeadlines } from '../../lib/core/deadlines.ts';
import { ACCEPT_TIMEOUT_MS, RETRY_AFTER_SECONDS, type Acceptor } from './acceptor.ts';
import { createEventMessage } from './event-message.ts';

/** When a 2xx is sent: after the journal's fsync, or also after the log's. */
export type AcceptAfter = 'journal' | 'log';

export interface JournalAcceptorOptions {
  readonly journal: Pick<Journal, 'append' | 'forget' | 'status'>;
  readonly relay: Pick<Relay, 'whenConfirmed'>;
  readonly acceptAfter: AcceptAfter;
  /** Counts events that were to be answered after the log, and were answered after the journal. */
  readonly acceptedEarly: Pick<Counter, 'inc'>;
  /** (Default: `ACCEPT_TIMEOUT_MS`) */
  readonly timeoutMs?: number;
}

/** A log that is well confirms within a few milliseconds; a sender's patience is better spent on its next event. */
const LOG_WAIT_MS = 250;
/** Shorter than a probe's patience. */
const PROBE_TIMEOUT_MS = 1_000;

export interface JournalAcceptor extends Acceptor {
  /** Why the last event could not be stored; tries the disk again before it says so. Undefined where it would be stored now. */
  failing(): Promise<string | undefined>;
}

/** Accepts by the journal's own fsync, and knows duplicates by the ids that the journal remembers. */
export function createJournalAcceptor(options: JournalAcceptorOptions): JournalAcceptor {
  const { journal, relay, acceptAfter, acceptedEarly, timeoutMs = ACCEPT_TIMEOUT_MS } = options;
  const toMessage = createEventMessage();
  const appends = createDeadlines(timeoutMs);
  const tooLate = lateAfter(timeoutMs);
  const probes = createDeadlines(PROBE_TIMEOUT_MS);
  let lastFailure: string | undefined;

  async function store(offers: readonly JournalOffer[]): Promise<readonly Appended[]> {
    try {
      const appended = await appends.race(journal.append(offers), tooLate);
      lastFailure = undefined;
      return appended;
    } catch (error) {
      lastFailure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  return {
    async accept(events) {
      failPoint('accept.before-append');
      const offers = events.map((event) => ({ emit: toMessage(event), isRemembered: event.providerId !== undefined }));
      const appended = await store(offers);
      failPoint('accept.appended');
      if (acceptAfter === 'log') {
        const confirmed = await Promise.all(appended.map((one) => relay.whenConfirmed(one, LOG_WAIT_MS)));
        acceptedEarly.inc(confirmed.filter((isConfirmed) => !isConfirmed).length);
      }
      return appended.map(({ duplicate }) => ({ duplicate }));
    },
    async failing() {
      if (lastFailure === undefined) return undefined;
      try {
        // Without events nobody would find out that the disk has room again. No record has the number 0: it only writes.
        const probe = journal.forget([{ number: 0, logSeq: journal.status().confirmedLogSeq }]);
        await probes.race(probe, lateAfter(PROBE_TIMEOUT_MS));
        lastFailure = undefined;
      } catch (error) {
        lastFailure = error instanceof Error ? error.message : String(error);
      }
      return lastFailure;
    },
  };
}

/** A disk that hangs answers nobody; what was offered may still be stored, as `Acceptor` says. */
function lateAfter(timeoutMs: number): () => AppError {
  const because = `expected the journal to be written within ${timeoutMs} ms`;
  return () => new AppError('not_accepting', because, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

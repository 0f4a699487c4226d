import type { BrokerConnection } from '../jetstream/connection.ts';
import { readBounds } from '../jetstream/log-reader.ts';
import type { Database } from '../store/database.ts';
import type { AuditMetrics } from '../telemetry/audit-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CommandLog } from './command-audit.ts';
import { CommandWatch } from './command-watch.ts';
import { EventAudit, type EventLog, rangeText, type Unaccounted, UNACCOUNTED_KINDS, type UnaccountedKind } from './event-audit.ts';

export interface ContinuousAuditOptions {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: EventLog;
  readonly commands: CommandLog;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  readonly metrics: AuditMetrics;
  /** Milliseconds from the end of one round to the begin of the next. (Default: a minute) */
  readonly intervalMs?: number;
  /** How old the number behind a gap of a journal has to be. Milliseconds. (Default: a minute: what is sent again after a broken connection is there by then) */
  readonly onItsWayMs?: number;
  /** How old a run has to be before its open step is looked for. Milliseconds. (Default: a minute) */
  readonly settledInMs?: number;
}

const MINUTE_MS = 60_000;

export interface ContinuousAudit {
  /** Resolves with the first round: every event that is stored later is accounted for. */
  readonly begun: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Accounts for every event that comes into the log from now on, a round a minute, each once: up to the first one that is not settled yet.
 * Of the runs that begin from now on it looks at what their open steps wait for, and it compares consumers with the record. What came
 * before is `visapi audit`'s.
 */
export function startContinuousAudit(options: ContinuousAuditOptions): ContinuousAudit {
  const { connection, database, log, logger, metrics, intervalMs = MINUTE_MS, onItsWayMs = MINUTE_MS } = options;
  const stopping = new AbortController();
  const counts = new Map<UnaccountedKind, number>();
  let audit: EventAudit | undefined;
  let watch: CommandWatch | undefined;
  let reachedAt = performance.now();
  let cancelWait = (): void => undefined;
  const hasBegun = Promise.withResolvers<void>();
  metrics.observe(() => (performance.now() - reachedAt) / 1_000);
  for (const kind of UNACCOUNTED_KINDS) metrics.unaccounted.set({ kind }, 0);

  const onUnaccounted = ({ what, where, count }: Unaccounted): void => {
    counts.set(what, (counts.get(what) ?? 0) + count);
    metrics.unaccounted.set({ kind: what }, counts.get(what) ?? 0);
    logger.error({ kind: what, where, count }, 'events are not accounted for');
  };

  const tellNow = ({ what, where, count }: Unaccounted): void => logger.error({ kind: what, where, count }, 'events are not accounted for');

  async function round(): Promise<void> {
    const begunAt = performance.now();
    const { firstSeq, lastSeq } = await readBounds(connection, log.stream);
    // A log that was restored, or made anew, begins again: what it has from here on is judged.
    if (audit === undefined || lastSeq + 1 < audit.next) {
      const begun = new EventAudit({ connection, database, log, onUnaccounted }, lastSeq + 1);
      await begun.lookBack(firstSeq);
      audit = begun;
    }
    await audit.read(lastSeq, { untilOpen: true });
    if (audit.next > lastSeq) reachedAt = performance.now();
    compareJournals(audit);
    const { settledInMs } = options;
    const isNew = watch === undefined;
    watch ??= await CommandWatch.begin({
      connection,
      database,
      log: options.commands,
      onUnaccounted,
      onSkipped: tellNow,
      ...(settledInMs === undefined ? {} : { settledInMs }),
    });
    if (!isNew) metrics.unaccounted.set({ kind: 'skipped' }, await watch.round());
    metrics.round((performance.now() - begunAt) / 1_000);
    hasBegun.resolve();
  }

  /** Gaps close again where something came late, so they are counted anew each time. */
  function compareJournals(read: EventAudit): void {
    let [missing, repeated] = [0, 0];
    for (const [journal, account] of read.journals) {
      repeated += account.repeated;
      for (const range of read.missing(account, account.last ?? 0, Date.now() - onItsWayMs)) {
        missing += range.to - range.from + 1;
        logger.error({ kind: 'missing', where: `journal ${journal}, number ${rangeText(range)}` }, 'events are not accounted for');
      }
    }
    metrics.unaccounted.set({ kind: 'missing' }, missing);
    metrics.unaccounted.set({ kind: 'repeated' }, repeated);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await round().catch((error: unknown) => {
        if (!stopping.signal.aborted) logger.warn({ err: error }, 'the events could not be accounted for; trying again');
      });
      if (stopping.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
        cancelWait = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const running = run();
  return {
    begun: hasBegun.promise,
    async stop() {
      stopping.abort();
      cancelWait();
      await running;
    },
  };
}

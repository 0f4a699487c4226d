import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { FAST_SECONDS, SLOW_SECONDS } from './metrics.ts';

/** The metrics of what stands behind the door: what holds for all of them is in metrics.ts. */

export type RejectedMetrics = ReturnType<typeof rejectedMetrics>;

/** Requests that could not be verified, on their way into REJECTED and out of it. */
export function rejectedMetrics(registry: Registry) {
  const registers = [registry];
  return {
    stored: new Counter({
      name: 'visapi_rejected_stored_total',
      help: 'Unverified requests kept for a readmission, by reason',
      labelNames: ['source', 'reason'],
      registers,
    }),
    dropped: new Counter({
      name: 'visapi_rejected_dropped_total',
      help: 'Unverified requests that were not kept, by cause',
      labelNames: ['source', 'cause'],
      registers,
    }),
    readmitted: new Counter({
      name: 'visapi_rejected_readmitted_total',
      help: 'Kept requests that a person had judged again, by outcome',
      labelNames: ['source', 'outcome'],
      registers,
    }),
  };
}

/** What the journal's gauges ask for whenever the metrics are read. */
export interface JournalGauges {
  readonly depth: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly fileBytes: number;
  readonly ids: number;
  readonly damaged: number;
  /** Milliseconds since the epoch. */
  readonly oldestAcceptedAt: number | undefined;
}

export type JournalMetrics = ReturnType<typeof journalMetrics>;

export function journalMetrics(registry: Registry) {
  const registers = [registry];
  let read: (() => JournalGauges) | undefined;
  const gauge = (name: string, help: string, value: (journal: JournalGauges) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read ? value(read()) : 0);
      },
    });
  };
  gauge('visapi_journal_records', 'Events in the journal that the log has not confirmed', ({ depth }) => depth);
  gauge('visapi_journal_oldest_age_seconds', 'Age of the oldest of them; 0 where none waits', ({ oldestAcceptedAt }) =>
    oldestAcceptedAt === undefined ? 0 : Math.max(0, (Date.now() - oldestAcceptedAt) / 1_000),
  );
  gauge('visapi_journal_bytes', 'Bytes of the events that wait in the journal', ({ bytes }) => bytes);
  gauge('visapi_journal_max_bytes', 'Bytes that may wait in the journal', ({ maxBytes }) => maxBytes);
  gauge('visapi_journal_file_bytes', 'Size of the journal on the disk, with identities and free pages', ({ fileBytes }) => fileBytes);
  gauge('visapi_journal_ids', 'Identities that the journal remembers', ({ ids }) => ids);
  gauge('visapi_journal_damaged_records', 'Records that were kept aside because their checksum does not fit', ({ damaged }) => damaged);
  return {
    observe: (journal: () => JournalGauges) => void (read = journal),
    commitSeconds: new Histogram({
      name: 'visapi_journal_commit_duration_seconds',
      help: 'Writing and flushing one transaction of the journal',
      buckets: FAST_SECONDS,
      registers,
    }),
    batchSize: new Histogram({
      name: 'visapi_journal_batch_changes',
      help: 'Requests for a change that one transaction of the journal took',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024],
      registers,
    }),
    failedCommits: new Counter({
      name: 'visapi_journal_failed_commits_total',
      help: 'Transactions of the journal that did not come to the disk',
      registers,
    }),
  };
}

export type RelayMetrics = ReturnType<typeof relayMetrics>;

/** What the relay's gauges ask for whenever the metrics are read. */
export interface RelayGauges {
  readonly lagSeconds: () => number;
  readonly inFlight: () => number;
  readonly refused: () => number;
}

export function relayMetrics(registry: Registry) {
  const registers = [registry];
  let relay: RelayGauges | undefined;
  const gauge = (name: string, help: string, read: keyof RelayGauges): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(relay?.[read]() ?? 0);
      },
    });
  };
  gauge('visapi_relay_lag_seconds', 'Age of the oldest event that the log has not', 'lagSeconds');
  gauge('visapi_relay_in_flight', 'Records handed to the log and not confirmed yet', 'inFlight');
  gauge('visapi_relay_refused', 'Records in the journal that the log refuses for good', 'refused');
  return {
    /** Only with ACCEPT_AFTER=log. */
    acceptedEarly: new Counter({
      name: 'visapi_ingest_accepted_early_total',
      help: 'Events answered on the fsync of the journal alone, because the log did not confirm in time',
      registers,
    }),
    observe: (gauges: RelayGauges) => void (relay = gauges),
    relayed: new Counter({
      name: 'visapi_relay_records_total',
      help: 'Records of the journal by what the log made of them',
      labelNames: ['outcome'],
      registers,
    }),
    delaySeconds: new Histogram({
      name: 'visapi_relay_delay_seconds',
      help: 'From the acceptance of an event to its confirmation by the log',
      buckets: SLOW_SECONDS,
      registers,
    }),
    readBacks: new Counter({ name: 'visapi_relay_read_backs_total', help: 'Times that the log was read back to settle doubts', registers }),
  };
}

/** What the gauges of the settings ask for whenever the metrics are read. */
export interface SettingsGauges {
  readonly staleSeconds: () => number;
  readonly invalid: () => number;
}

export type SettingsMetrics = ReturnType<typeof settingsMetrics>;

export function settingsMetrics(registry: Registry) {
  const registers = [registry];
  let settings: SettingsGauges | undefined;
  const gauge = (name: string, help: string, read: keyof SettingsGauges): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(settings?.[read]() ?? 0);
      },
    });
  };
  gauge('visapi_settings_stale_seconds', 'For how long changes of sources and keys have not been heard; 0 while they are', 'staleSeconds');
  gauge('visapi_settings_invalid', 'Sources and keys whose newest version cannot be used', 'invalid');
  return { observe: (gauges: SettingsGauges) => void (settings = gauges) };
}

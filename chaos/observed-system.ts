import type { Ended } from '../cmd/visapi/test-tool.ts';
import type { ProgramName } from '../lib/dev/system-programs.ts';
import type { BrokerConnection } from '../lib/jetstream/connection.ts';
import type { SinkMessage } from '../lib/sink/arrivals.ts';
import type { Database } from '../lib/store/database.ts';
import type { Workload } from './workload.ts';

/** A system as whoever has its addresses sees it: one that a run has started, or one that was there before. */
export interface ObservedSystem {
  readonly ingestUrl: string;
  /** What its senders send, and what of all that it has is theirs. */
  readonly workload: Workload;
  /** Where each process of a program says whether it can do its job. */
  readonly readyUrls: Readonly<Record<ProgramName, readonly string[]>>;
  /** The folders of ingest's journals on this machine: one per process. */
  readonly journals: readonly string[];
  readonly database: Database;
  /** It connects again by itself. */
  readonly connection: BrokerConnection;
  /** Of the run's own files. */
  readonly folder: string;
  /** What `visapi audit` could not account for before the run, by its kind. */
  readonly unaccountedBefore: ReadonlyMap<string, number>;
  /** What has arrived at the peer; undefined where nobody here can ask it. */
  messages(filter?: { readonly sinceMs: number }): Promise<readonly SinkMessage[] | undefined>;
  /** Runs the tool in this system's environment. */
  visapi(...words: string[]): Promise<Ended>;
  /** The metrics of each process of a program, as text. */
  metrics(name: ProgramName): Promise<readonly string[]>;
  /** Logs of all parts and the run's history into a folder. */
  keepLogs(folder: string): void;
  /** Takes back what the run has made. May be called twice. */
  stop(): Promise<void>;
}

/** The messages at a local Slack. */
export async function messagesAt(sinkUrl: string, filter?: { readonly sinceMs: number }): Promise<readonly SinkMessage[]> {
  const response = await fetch(`${sinkUrl}/messages?kind=slack${filter === undefined ? '' : `&since=${filter.sinceMs}`}`);
  return (await response.json()) as SinkMessage[];
}

/** The metrics of every process, as text. */
export async function metricsAt(readyUrls: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(
    readyUrls.map(async (url) => await (await fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(5_000) })).text()),
  );
}

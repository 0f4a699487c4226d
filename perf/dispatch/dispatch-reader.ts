import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import type { Database } from '../../lib/store/database.ts';
import type { Logger } from '../../lib/telemetry/log.ts';

/** What one process reads with, and its part of a round. */
export interface Reading {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: Logger;
  /** The same for all processes of a round, and of no other round. */
  readonly reader: string;
  /** Whom the round's messages are for. */
  readonly addressee: string;
  /** This process among those of its kind, from 0. */
  readonly index: number;
  /** How many there are: each has as many of the four partitions as the others. */
  readonly processes: number;
}

/** One process's part of a round. Opened it has its partitions, and waits with what it has in hand until it is let go. */
export interface DispatchReader {
  go(): void;
  progress(): Promise<DispatchProgress>;
  stop(): Promise<void>;
}

export interface DispatchProgress {
  /** When the first message was begun, milliseconds since the epoch; undefined: none yet. */
  readonly begunAt: number | undefined;
  /** Messages whose handling has begun. */
  readonly handled: number;
  /** Messages that are settled or acknowledged. */
  readonly ended: number;
}

/** Milliseconds since the epoch, finer than `Date.now`. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

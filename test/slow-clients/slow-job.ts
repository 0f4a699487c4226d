import type { EdgeLimits } from '../../lib/http/edge-limits.ts';

/** What the door's process is told. */
export interface DoorJob {
  readonly journalPath: string;
  readonly secret: string;
  readonly limits: Partial<EdgeLimits>;
}

/**
 * - `headers`: sends a byte of a header now and then
 * - `body`: sends a byte of a body now and then
 * - `silent`: connects, and sends nothing
 * - `kept`: had one answer, and sends nothing more
 */
export const SLOW_KINDS = ['headers', 'body', 'silent', 'kept'] as const;

export type SlowKind = (typeof SLOW_KINDS)[number];

/** What the slow clients' process is told: to hold so many connections of each kind, each opened again when it is closed. */
export interface SlowJob {
  readonly port: number;
  readonly connections: Readonly<Record<SlowKind, number>>;
}

export interface SlowReport {
  /** Open now. */
  readonly open: number;
  /** Opened so far, by kind. */
  readonly opened: Readonly<Record<SlowKind, number>>;
  /** The longest that a connection of the kind was left open by the door, of those that it has closed and those that are open. Milliseconds. */
  readonly longestMs: Readonly<Record<SlowKind, number>>;
}

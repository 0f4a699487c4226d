import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { InHand } from './in-hand.ts';

/** What the watchdog leaves for the next start of its process, which cannot be told anything else: it was killed. */
export interface WatchdogNote {
  /** How often it has ended this process so far. */
  readonly count: number;
  /** RFC 3339. */
  readonly at: string;
  /** The message that was in hand, where that could be found out. */
  readonly inHand: InHand | null;
  /** Whether a later start has told it already. */
  readonly isTold: boolean;
}

/** @returns undefined where there is none that can be read */
export function readWatchdogNote(path: string): WatchdogNote | undefined {
  try {
    const { count, at, inHand, isTold } = JSON.parse(readFileSync(path, 'utf8')) as Partial<WatchdogNote>;
    if (!Number.isSafeInteger(count) || typeof at !== 'string' || typeof isTold !== 'boolean') return undefined;
    return { count: Math.max(0, count ?? 0), at, inHand: inHand ?? null, isTold };
  } catch {
    // None yet, or not ours: what it would say is in the log as well.
    return undefined;
  }
}

/** Writes it whole or not at all, and gives up without an error: a folder that cannot be written must not keep anybody alive. */
export function writeWatchdogNote(path: string, note: WatchdogNote): void {
  try {
    writeFileSync(`${path}.draft`, JSON.stringify(note), { mode: 0o600 });
    renameSync(`${path}.draft`, path);
  } catch {
    // The line on the standard error has been written.
  }
}

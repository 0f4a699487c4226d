import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

/** What the watchdog leaves for the next start of its process, which cannot be told anything else: it was killed. */
const watchdogNote = z.object({
  /** How often it has ended this process so far. */
  count: z.int().min(0),
  /** RFC 3339. */
  at: z.string(),
  /** The message that was in hand, where that could be found out. */
  inHand: z.object({ actor: z.string(), messageId: z.string(), stream: z.string(), seq: z.number() }).nullable(),
  /** Whether a later start has told it already. */
  isTold: z.boolean(),
});

export type WatchdogNote = z.infer<typeof watchdogNote>;

/** @returns undefined where there is none that can be read */
export function readWatchdogNote(path: string): WatchdogNote | undefined {
  try {
    return watchdogNote.parse(JSON.parse(readFileSync(path, 'utf8')));
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

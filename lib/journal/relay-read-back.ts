import { isBroken } from '../core/guards.ts';
import { setImmediate } from 'node:timers/promises';
import { failPoint } from './fail-point.ts';
import type { Journal } from './journal.ts';
import { type LoggedEvent, numberInJournal, type RelayLog } from './relay-log.ts';

export interface ReadBackOptions {
  readonly journal: Pick<Journal, 'id' | 'read' | 'forget'>;
  readonly log: Pick<RelayLog, 'lastSeq' | 'readBack'>;
  /** No unconfirmed record lies at or below this sequence of the log. */
  readonly after: number;
  readonly signal: AbortSignal;
}

export interface ReadBack {
  /** The log's last sequence before the reading began: what was sent before lies at or below it, or nowhere. */
  readonly logSeq: number;
  /** Records that the log had already, which the journal has forgotten now. */
  readonly found: readonly number[];
  /** The log ended before the place where it was to be read from: it was restored from a backup. */
  readonly isRestored: boolean;
}

/**
 * Tells the fate of what may have been sent: reads the log from where the doubt begins, and drops the records that are
 * there. Tried again under the same id they would be known as duplicates only for the broker's two minutes; this holds
 * for any time (a broker that was away for hours, a process that died and came back the next day).
 * @throws AppError `broker_unavailable` when the log could not be read to its end: then nothing may be sent
 */
export async function readLogBack({ journal, log, after, signal }: ReadBackOptions): Promise<ReadBack> {
  const logSeq = await log.lastSeq(signal);
  const isRestored = logSeq < after;
  const found: number[] = [];
  let isAllSeen = isBroken('read-back');
  while (!isAllSeen) {
    const oldest = await oldestById(journal);
    if (oldest.size === 0) break;
    // Another journal may have relayed more of these than are known by id at once: a disk that comes back after its export was imported.
    let isOthers = false;
    // A restored log counts on from where its backup ended: the old place means nothing in it.
    for await (const group of log.readBack(isRestored ? 1 : after + 1, signal)) {
      const numbers = new Set<number>();
      for (const event of group) {
        const number = numberOf(event, journal, oldest);
        if (number === undefined) continue;
        numbers.add(number);
        isOthers ||= numberInJournal(journal.id, event.journal) !== number;
      }
      if (numbers.size === 0) continue;
      failPoint('relay.found');
      await journal.forget([...numbers].map((number) => ({ number, logSeq: isRestored ? 0 : after })));
      failPoint('relay.found-forgotten');
      found.push(...numbers);
    }
    // Each pass forgets some, or is the last.
    isAllSeen = !isOthers || oldest.size < OLDEST;
  }
  return { logSeq, found, isRestored };
}

/** What was sent is among the oldest: twice what is in flight at most, for what was confirmed and is not forgotten. */
const OLDEST = 8_192;
const READ_AT_ONCE = 32;

/**
 * By id, because a journal that was saved from a damaged file has other numbers, and another name, than the log knows. All of them at
 * once would take a fifth of a second, in which nobody is answered: live traffic goes in between.
 */
async function oldestById(journal: Pick<Journal, 'read'>): Promise<ReadonlyMap<string, number>> {
  const numbers = new Map<string, number>();
  let last = 0;
  while (numbers.size < OLDEST) {
    const records = journal.read(last, READ_AT_ONCE);
    for (const { number, emit } of records) numbers.set(emit.id, (last = number));
    if (records.length < READ_AT_ONCE) break;
    await setImmediate();
  }
  return numbers;
}

/** The record of this journal that the event is; undefined where there is none. */
function numberOf(event: LoggedEvent, journal: Pick<Journal, 'id' | 'read'>, oldest: ReadonlyMap<string, number>): number | undefined {
  const known = oldest.get(event.id);
  if (known !== undefined) return known;
  const number = numberInJournal(journal.id, event.journal);
  if (number === undefined) return undefined;
  const [record] = journal.read(number - 1, 1);
  return record?.number === number && record.emit.id === event.id ? number : undefined;
}

import type { Appended, Confirmed, Journal, JournalOffer, JournalRecord, JournalStatus } from '../journal.ts';

/** A journal in memory: what it has is what a disk would have. It outlives the relays that a test kills. */
export class MemoryJournal implements Journal {
  readonly id = 'simulated';
  readonly #now: () => number;
  readonly #records = new Map<number, JournalRecord>();
  readonly #ids = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #lastNumber = 0;
  #confirmedLogSeq = 0;
  /** Set by a test: the disk is full. */
  isFull = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  append(offers: readonly JournalOffer[]): Promise<readonly Appended[]> {
    const appended = offers.map(({ emit }) => {
      const first = this.#ids.get(emit.id);
      if (first !== undefined) return { number: first, duplicate: true };
      const number = (this.#lastNumber += 1);
      this.#records.set(number, { number, acceptedAt: this.#now(), emit });
      this.#ids.set(emit.id, number);
      return { number, duplicate: false };
    });
    for (const listener of this.#listeners) listener();
    return Promise.resolve(appended);
  }

  read(after: number, limit: number): JournalRecord[] {
    return [...this.#records.values()].filter(({ number }) => number > after).slice(0, limit);
  }

  forget(confirmed: readonly Confirmed[]): Promise<void> {
    if (this.isFull) return Promise.reject(new Error('no space left'));
    for (const { number, logSeq } of confirmed) {
      this.#records.delete(number);
      this.#confirmedLogSeq = logSeq;
    }
    return Promise.resolve();
  }

  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  status(): JournalStatus {
    const [oldest] = this.#records.values();
    return {
      id: this.id,
      depth: this.#records.size,
      bytes: 0,
      maxBytes: Infinity,
      fileBytes: 0,
      oldestAcceptedAt: oldest?.acceptedAt,
      lastNumber: this.#lastNumber,
      ids: this.#ids.size,
      confirmedLogSeq: this.#confirmedLogSeq,
      damaged: 0,
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

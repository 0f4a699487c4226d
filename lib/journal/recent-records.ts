import type { Confirmed, JournalRecord } from './journal.ts';

/** Enough for what one commit stores under full load, and for a relay that is a little behind. */
const MAX_RECORDS = 256;

/** Of bodies; a record that would go beyond is read from the file. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The records that this process has stored last and that still wait, as they were offered: a relay that keeps up has them from here, and does not
 * read, check and take apart what was put together a moment ago. All that waits from `#from` to `#next` is in it.
 */
export class RecentRecords {
  readonly #records = new Map<number, JournalRecord>();
  #from: number;
  #next: number;
  #bytes = 0;

  /** @param lastNumber the number that was given last; what is up to it is in the file only */
  constructor(lastNumber: number) {
    this.#from = this.#next = lastNumber + 1;
  }

  /** A record that is on the disk. Numbers that somebody else has given come before it where it is not the next one. */
  add(record: JournalRecord): void {
    if (record.number !== this.#next) this.clear(record.number - 1);
    this.#records.set(record.number, record);
    this.#bytes += record.emit.body.byteLength;
    this.#next += 1;
    while (this.#next - this.#from > MAX_RECORDS || this.#bytes > MAX_BYTES) {
      this.delete(this.#from);
      this.#from += 1;
    }
  }

  /** Those above `after`, at most `limit`; undefined where the file has to be asked. */
  read(after: number, limit: number): JournalRecord[] | undefined {
    if (after + 1 < this.#from || after + 1 >= this.#next) return undefined;
    const found: JournalRecord[] = [];
    for (let number = after + 1; number < this.#next && found.length < limit; number += 1) {
      const record = this.#records.get(number);
      if (record !== undefined) found.push(record);
    }
    return found;
  }

  forget(confirmed: readonly Confirmed[]): void {
    for (const { number } of confirmed) this.delete(number);
  }

  delete(number: number): void {
    const record = this.#records.get(number);
    if (record === undefined) return;
    this.#records.delete(number);
    this.#bytes -= record.emit.body.byteLength;
  }

  /** Somebody else has stored something: what is up to `lastNumber` is in the file only. */
  clear(lastNumber: number): void {
    this.#records.clear();
    this.#bytes = 0;
    this.#from = this.#next = lastNumber + 1;
  }
}

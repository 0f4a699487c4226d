import type { Emit } from '../actor/message.ts';

/**
 * The door's own durable store: events that the log has not confirmed yet, in the order of acceptance, and the identities
 * that were accepted lately. It needs neither broker nor database.
 *
 * 1. Storing an event and remembering its identity is one conditional write of one transaction.
 * 2. What `append` has resolved is on the disk (fdatasync). What is offered while a transaction is under way goes together
 *    into the next one.
 * 3. Numbers are given in the order of the calls, without gaps, and never twice, also across restarts and processes that have the file open.
 * 4. A record whose checksum does not fit is never handed out: it is counted, told, and kept aside.
 */
export interface Journal {
  /** Made with the file, and never again: `Vis-Journal` is `<id>:<number>`. */
  readonly id: string;
  /**
   * Stores events, all of them or none, in this order.
   * @throws AppError `not_accepting` when it is full, its disk is, or it is closed: then nothing is stored
   */
  append(offers: readonly JournalOffer[]): Promise<readonly Appended[]>;
  /** Records with a number above `after`, in their order. Reads from memory-mapped pages: no I/O to wait for. */
  read(after: number, limit: number): JournalRecord[];
  /** The log has confirmed these: they are removed, and the log sequence given last is kept as the place to read back from. */
  forget(confirmed: readonly Confirmed[]): Promise<void>;
  /** Called after every commit that stored something, and when another process may have. Returns how to stop listening. */
  onAppended(listener: () => void): () => void;
  status(): JournalStatus;
  /** Waits for what is under way. May be called twice. */
  close(): Promise<void>;
}

export interface JournalOffer {
  readonly emit: Emit;
  /** Whether a second one with the same id is a duplicate; false where the id is our own invention. */
  readonly isRemembered: boolean;
}

/** `number` is the first one's where it is a duplicate. */
export interface Appended {
  readonly number: number;
  readonly duplicate: boolean;
}

export interface JournalRecord {
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly acceptedAt: number;
  readonly emit: Emit;
}

export interface Confirmed {
  readonly number: number;
  /** No record that is still in doubt lies at or below it in the log. It may go down: a restored log counts on from its backup. */
  readonly logSeq: number;
}

export interface JournalStatus {
  readonly id: string;
  /** Records that wait for the log. */
  readonly depth: number;
  /** Bytes of the records that wait. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Of the file on the disk. */
  readonly fileBytes: number;
  /** Milliseconds since the epoch; undefined where nothing waits. */
  readonly oldestAcceptedAt: number | undefined;
  readonly lastNumber: number;
  /** Remembered identities. */
  readonly ids: number;
  /** Above it in the log lies all that is in doubt; 0: nothing was confirmed yet. */
  readonly confirmedLogSeq: number;
  /** Records that could not be read. */
  readonly damaged: number;
}

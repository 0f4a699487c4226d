import type { BrokerPort } from '../actor/broker-port.ts';

/** What the relay asks of the log. Whoever joins the two rooms fulfils it. */
export interface RelayLog extends Pick<BrokerPort, 'publish'> {
  /** Whether it may be written to now: it can be reached, and it keeps what it confirms. */
  isOpen(): boolean;
  /** Calls back at every opening and closing; returns the function that stops it. */
  onChange(listener: () => void): () => void;
  /** The log's last sequence now; 0 where it is empty. @throws AppError when nobody says, or there is no log yet */
  lastSeq(signal: AbortSignal): Promise<number>;
  /**
   * What the log holds from `fromSeq` to its end as it is when the reading gets there, in order.
   * @throws AppError `broker_unavailable` when it cannot be read to the end; the reason of `signal`
   */
  readBack(fromSeq: number, signal: AbortSignal): AsyncIterable<readonly LoggedEvent[]>;
}

export interface LoggedEvent {
  /** `Vis-Id` */
  readonly id: string;
  readonly seq: number;
  /** `Vis-Journal`; '' where it did not come through a journal. */
  readonly journal: string;
}

/** `Vis-Journal`: where an event was accepted. */
export function journalHeader(journalId: string, number: number): string {
  return `${journalId}:${number}`;
}

/** The number in this journal; undefined where the event came through another one, or through none. */
export function numberInJournal(journalId: string, header: string): number | undefined {
  if (!header.startsWith(`${journalId}:`)) return undefined;
  const number = Number(header.slice(journalId.length + 1));
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

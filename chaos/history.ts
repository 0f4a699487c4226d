import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { TryEnd } from './sent-event.ts';

/** One line of a history: a request begins, or how it ended. */
export interface HistoryLine {
  readonly what: 'invoke' | TryEnd;
  readonly key: string;
  readonly number: number;
  readonly delivery: string;
  /** Counts the requests for this event, from 1. */
  readonly attempt: number;
  /** Milliseconds since the load began. */
  readonly at: number;
  /** Of the answer, where one came. */
  readonly status?: number | undefined;
}

/** What every sender did and saw, as it happened, one JSON per line. */
export interface History {
  add(line: HistoryLine): void;
  /** Resolves when all of it is in the file. */
  close(): Promise<void>;
}

export function openHistory(file: string): History {
  const stream = createWriteStream(file);
  return {
    add: (line) => void stream.write(`${JSON.stringify({ ...line, at: Math.round(line.at * 10) / 10 })}\n`),
    async close() {
      stream.end();
      await finished(stream);
    },
  };
}

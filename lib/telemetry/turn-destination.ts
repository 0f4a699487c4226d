import type { DestinationStream } from 'pino';

export interface TurnDestination extends DestinationStream {
  /** Writes what is held now. */
  flush(): void;
}

/** With it, pino says the level of a line before it writes it. */
const METADATA = Symbol.for('pino.metadata');
/** pino's number of `error`. */
const ERROR = 50;
/** A turn of the event loop writes some hundred lines at most; more are written at once. */
const MAX_CHARACTERS = 262_144;

/**
 * Holds the lines of one turn of the event loop, and writes them together at its end: a system call for each line would cost a
 * busy program as much as all that the line tells of. A line of the level `error` or above is written at once, with what is
 * held before it. What a process holds when it is killed is lost; one that exits has to call `flush`.
 */
export function createTurnDestination(target: DestinationStream): TurnDestination {
  let held = '';
  let isScheduled = false;

  function flush(): void {
    if (held === '') return;
    const lines = held;
    held = '';
    target.write(lines);
  }

  function endOfTurn(): void {
    isScheduled = false;
    flush();
  }

  return {
    [METADATA]: true,
    lastLevel: 0,
    write(line: string) {
      held += line;
      if (this.lastLevel >= ERROR || held.length > MAX_CHARACTERS) return flush();
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(endOfTurn);
    },
    flush,
  } as TurnDestination & { lastLevel: number };
}

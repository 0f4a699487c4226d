import type { BrokerPort } from './broker-port.ts';
import { reviveMessage } from './dead-letter.ts';
import type { Arrival, Line } from './line.ts';
import type { Suspicion } from './last-hands.ts';
import type { Message } from './message.ts';
import { type Parsed, parseInput } from './parsed.ts';
import type { ParkedRow, StoredState } from './record-port.ts';
import { divert } from './replay-track.ts';
import type { Unit } from './unit.ts';

/** One message on its way through a handler: a delivery, or a parked row with its message read back from the log. */
export interface Job {
  readonly unit: Unit;
  readonly line: Line;
  readonly message: Message;
  readonly parsed: Parsed;
  readonly arrival: Arrival | undefined;
  readonly row: ParkedRow | undefined;
  /** Whether its start has to be recorded: it may have been in flight when an owner died. */
  readonly isSuspect: boolean;
  /** Starts as a suspect that count, before this one. */
  readonly starts: number;
  /** The number of this start, from 1. */
  readonly attempt: number;
  /** The log does not hold the message any more. */
  readonly isGone: boolean;
  /** What its key has, where its actor keeps something. */
  readonly stored?: StoredState;
}

/** Takes the line's next message out. Rejects when a parked one cannot be read now; then nothing was taken. */
export async function takeJob(unit: Unit, line: Line, broker: BrokerPort): Promise<Job> {
  const { waiting } = line;
  if (waiting === undefined) {
    const arrival = line.queue.shift()!;
    const { message, parsed, suspicion } = arrival;
    return { unit, line, message, parsed, arrival, row: undefined, ...countStarts(unit, message, suspicion, 0), isGone: false };
  }
  const row = waiting.head;
  const stored = await broker.read(row.stream, row.seq);
  waiting.isDue = false;
  // A dead letter's copy has no priority of its own.
  const message =
    stored === undefined ? remnantOf(row) : { ...reviveMessage(stored), priority: row.priority, ...replayOf(unit, row, stored) };
  const parsed = stored === undefined ? { key: row.key, invalid: 'gone', detail: null } : parseInput(unit.definition, message);
  const counted = countStarts(unit, message, waiting.suspicion, row.attempts);
  return { unit, line, message, parsed, arrival: undefined, row, ...counted, isGone: stored === undefined };
}

/** What a waiting message of a replay has besides what is stored. */
function replayOf(unit: Unit, { replay }: ParkedRow, { headers }: Message): Partial<Message> {
  if (replay === undefined) return {};
  const options = unit.replays.optionsOf(replay);
  return { replay: options, headers: divert(headers, options.divertTo) };
}

function countStarts(
  { suspects }: Unit,
  message: Message,
  suspicion: Suspicion,
  attempts: number,
): Pick<Job, 'isSuspect' | 'starts' | 'attempt'> {
  const starts = suspects.startsOf(message, suspicion);
  return { isSuspect: suspicion !== 'none' || suspects.has(message), starts, attempt: attempts + starts + 1 };
}

/** What a parked row alone knows of its message. */
function remnantOf({ messageId, key, priority, stream, seq }: ParkedRow): Message {
  return { id: messageId, key, priority, stream, seq, subject: '', headers: {}, body: new Uint8Array(), storedAt: 0, round: 0 };
}

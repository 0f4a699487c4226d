import type { Clock } from '../core/clock.ts';
import { HEADERS, SCHEMA_VERSION } from '../core/headers.ts';
import { isBroken } from '../core/guards.ts';
import type { AttemptOutcome } from './attempt.ts';
import type { Delivery, LaneSource } from './broker-port.ts';
import { buryMessage, type DeadLetterSubjects } from './dead-letter.ts';
import type { Job } from './job.ts';
import type { AttemptRecord, OutboxEntry, ParkedRow, StateWrite, StoredState } from './record-port.ts';
import type { Settlement } from './settler.ts';
import { reject } from './verdict.ts';

/**
 * Turns an attempt's verdict into what is settled and how the broker is told: the one place that knows settled, parked
 * and dead-lettered, acknowledge and term.
 */
export type Conclusion =
  | { readonly kind: 'left'; readonly isFenced: boolean }
  | {
      readonly kind: 'settle';
      readonly settlement: Omit<Settlement, 'onCommitted' | 'onRefused' | 'onPoisoned'>;
      /** The message waits with this row at its line's head. */
      readonly retryRow: ParkedRow | undefined;
      readonly acknowledge: (source: Acknowledging, delivery: Delivery) => void;
    };

export interface ConcludeEnvironment {
  readonly clock: Clock;
  readonly random: () => number;
  readonly subjects: DeadLetterSubjects;
}

/** Attempts kept of a message's history: the oldest go first. */
const HISTORY_LIMIT = 20;

export function conclude(job: Job, outcome: AttemptOutcome, environment: ConcludeEnvironment): Conclusion {
  const { verdict } = outcome;
  switch (verdict.kind) {
    case 'fenced':
    case 'stopped':
      return { kind: 'left', isFenced: verdict.kind === 'fenced' };
    case 'done':
    case 'held':
      return settle(job, outcome, {
        outbox:
          outcome.emits.length === 0 ? [] : outcome.emits.map((emit) => ({ unit: job.unit.lease, ...emit, headers: stamp(emit.headers) })),
        rows: outcome.rows,
        state: outcome.state === undefined ? undefined : stateWrite(job, outcome.state),
      });
    case 'park':
      return wait(job, outcome, {
        dueAt: verdict.until,
        attempts: job.attempt - 1,
        because: verdict.because,
        history: job.row?.history ?? [],
      });
    case 'retry': {
      const { retry } = job.unit.definition;
      const history = addToHistory(job, verdict.because, verdict.detail, environment.clock);
      if (job.attempt >= retry.attempts && !isBroken('attempts')) {
        const exhausted = reject('exhausted', `attempt ${job.attempt} of ${retry.attempts} failed: ${verdict.because}`, verdict.detail);
        return bury(job, outcome, exhausted, history, environment);
      }
      const delayMs = verdict.afterMs ?? retry.delayMs(job.attempt, environment.random());
      return wait(job, outcome, {
        dueAt: environment.clock.now() + Math.ceil(delayMs),
        attempts: job.attempt,
        because: verdict.because,
        history,
      });
    }
    case 'reject':
      return bury(job, outcome, verdict, addToHistory(job, verdict.because, verdict.detail, environment.clock), environment);
  }
}

function stateWrite({ unit, line, message }: Job, state: StoredState | null): StateWrite {
  const { id: messageId, key: eventKey, stream, seq } = message;
  return { unit: unit.lease, eventKey, key: line.mailbox.key, state, messageId, stream, seq };
}

function settle(
  job: Job,
  { effects }: AttemptOutcome,
  rest: Partial<Settlement>,
  retryRow?: ParkedRow,
  acknowledge = acknowledgeDone,
): Conclusion {
  const { unit, message, arrival, row } = job;
  const { stream, seq } = message;
  const isOver = row !== undefined && retryRow === undefined;
  const settlement = {
    unit: unit.lease,
    delivered: arrival === undefined ? undefined : { lane: arrival.lane, seq },
    unparked: isOver ? (row.replay === undefined ? { stream, seq } : { stream, seq, replay: row.replay }) : undefined,
    cleared: unit.suspects.has(message) ? { stream, seq } : undefined,
    effects,
    outbox: rest.outbox,
    rows: rest.rows,
    state: rest.state,
    parked: rest.parked,
    deadLetter: rest.deadLetter,
  };
  return { kind: 'settle', settlement, retryRow, acknowledge };
}

function wait(job: Job, outcome: AttemptOutcome, how: Pick<ParkedRow, 'dueAt' | 'attempts' | 'because' | 'history'>): Conclusion {
  const { unit, line, message } = job;
  const parked: ParkedRow = {
    unit: unit.lease,
    stream: message.stream,
    seq: message.seq,
    priority: line.priority,
    ...(line.replay === undefined ? {} : { replay: line.replay }),
    key: line.mailbox.key,
    messageId: message.id,
    ...how,
  };
  return settle(job, outcome, { parked }, parked);
}

function bury(
  job: Job,
  outcome: AttemptOutcome,
  verdict: ReturnType<typeof reject>,
  history: readonly AttemptRecord[],
  environment: ConcludeEnvironment,
): Conclusion {
  if (verdict.kind !== 'reject') throw new Error(`expected a rejection, got ${verdict.kind}`);
  const { unit, message } = job;
  const at = new Date(environment.clock.now()).toISOString();
  const { deadLetter, outbox } = buryMessage(
    { unit: unit.lease, definition: unit.definition, message, key: job.line.mailbox.key, verdict, history, at },
    environment.subjects,
  );
  const stamped = outbox.map((entry): OutboxEntry => ({ ...entry, headers: stamp(entry.headers) }));
  return settle(job, outcome, { deadLetter, outbox: stamped }, undefined, (source, delivery) => source.term(delivery, verdict.reason));
}

type Acknowledging = Pick<LaneSource, 'ack' | 'term'>;

function acknowledgeDone(source: Acknowledging, delivery: Delivery): void {
  source.ack(delivery);
}

function stamp(headers: Readonly<Record<string, string>>): Record<string, string> {
  return { [HEADERS.schema]: SCHEMA_VERSION, ...headers };
}

function addToHistory(job: Job, because: string, detail: unknown, clock: Clock): AttemptRecord[] {
  const record: AttemptRecord = {
    attempt: job.attempt,
    at: new Date(clock.now()).toISOString(),
    because,
    ...(detail === undefined ? {} : { detail }),
  };
  return [...(job.row?.history ?? []), record].slice(-HISTORY_LIMIT);
}

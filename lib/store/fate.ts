import type { EventRow, StepRow } from '../workflow/row.ts';
import type { RunState } from '../workflow/turn.ts';
import type { DeadLetterEntry } from './dead-letters.ts';
import type { MessageRows } from './trace-rows.ts';

/**
 * The one visible fate of an accepted event:
 * - `done`: all runs that it opened have ended well, or actors of a user's own have handled it
 * - `cancelled`: the same, but for those that a person has ended
 * - `dead-lettered`: an actor gave up on it or on one of its commands, and nobody has redelivered that
 * - `failed`: a run stands at a step that could not be rendered; it stays resumable
 * - `unrouted`: no workflow wanted it
 * - `skipped`: by a named rule
 * - `waiting`: with where
 */
export interface Fate {
  readonly kind: 'done' | 'cancelled' | 'dead-lettered' | 'failed' | 'unrouted' | 'skipped' | 'waiting';
  /** Where it waits, why it died, by which rule it was skipped; one line per place. */
  readonly details: readonly string[];
}

/** `event` is undefined where only the log knows it. */
export function fateOf(eventId: string, event: Pick<EventRow, 'fate'> | undefined, runs: readonly RunState[], rows: MessageRows): Fate {
  const waits = placeOf(eventId, rows);
  if (waits.length > 0) return { kind: 'waiting', details: waits };
  const dead = rows.deadLetters.filter((letter) => letter.messageId === eventId && isGivenUp(letter));
  if (dead.length > 0) return { kind: 'dead-lettered', details: dead.map(deadLine) };
  if (event === undefined) return { kind: 'waiting', details: ['in the log: the workflow actor has not settled it yet'] };
  const cancelled = runs.filter(({ run }) => run.status === 'cancelled');
  const steps = runs.filter((state) => !cancelled.includes(state)).flatMap((state) => state.steps);
  const open = runs.filter(({ run }) => run.status === 'running').flatMap(({ run, steps: reached }) => openPlaces(run.id, reached, rows));
  // A failed run waits again as soon as somebody has redelivered its command.
  const revived = steps.filter(({ status }) => status === 'failed').flatMap((step) => revivedPlaces(step, rows));
  if (open.length + revived.length > 0) return { kind: 'waiting', details: [...open, ...revived] };
  const failed = steps.filter(({ status }) => status === 'failed');
  if (failed.length > 0) {
    const isDead = failed.some(({ deadLetterId }) => deadLetterId !== null);
    return { kind: isDead ? 'dead-lettered' : 'failed', details: failed.map((step) => failedLine(step, rows)) };
  }
  // What is not understood is not done: here a run that says failed where no step of it does.
  const unclear = runs.filter(({ run }) => run.status !== 'done' && run.status !== 'cancelled');
  if (unclear.length > 0) return { kind: 'waiting', details: unclear.map(unclearLine) };
  if (cancelled.length > 0) return { kind: 'cancelled', details: cancelled.map(({ run }) => `run ${run.id} of ${run.workflow}`) };
  if (runs.length > 0) return { kind: 'done', details: [] };
  const outcomes = rows.outcomes.filter(({ messageId }) => messageId === eventId);
  const handlers = outcomes.filter(({ outcome }) => outcome === 'handled');
  if (handlers.length > 0) return { kind: 'done', details: handlers.map(({ actor }) => `handled by actor ${actor}`) };
  const kind = event.fate === 'unrouted' ? 'unrouted' : 'skipped';
  return { kind, details: outcomes.map(({ outcome, reason }) => (outcome === kind ? reason : `${outcome}: ${reason}`)) };
}

function openPlaces(run: string, steps: readonly StepRow[], rows: MessageRows): string[] {
  const waiting = steps.filter(({ status }) => status === 'waiting');
  if (waiting.length === 0) return [`run ${run}: between two steps`];
  return waiting.flatMap((step) => {
    const places = step.dueAt === null ? stepPlaces(step, rows) : [delayPlace(step.commandId, step.dueAt, rows)];
    return places.length > 0
      ? places.map((place) => `step ${step.path}: ${place}`)
      : [`step ${step.path}: its command ${step.commandId} is in its actor's lane`];
  });
}

function delayPlace(timer: string, dueAt: string, rows: MessageRows): string {
  return placeOf(timer, rows)[0] ?? `waits until ${dueAt}`;
}

function stepPlaces(step: StepRow, rows: MessageRows): string[] {
  const command = step.commandId;
  const places = placeOf(command, rows);
  if (places.length > 0) return places;
  const effects = rows.effects.filter(({ messageId }) => messageId === command);
  const held = effects.filter(({ state }) => state === 'held');
  if (held.length > 0) return held.map(({ id }) => `effect ${id} is held: nobody knows whether it happened (visapi held resolve)`);
  const dead = rows.deadLetters.filter((letter) => letter.messageId === command && isGivenUp(letter));
  if (dead.length > 0) return dead.map((letter) => `${deadLine(letter)}; its run has not heard of it yet`);
  if (rows.outbox.some((id) => id.startsWith(`${command}/`))) return ['its result is settled and not yet published'];
  return effects.filter(({ state }) => state === 'done').map(({ id }) => `effect ${id} is done; its result is on its way`);
}

function revivedPlaces(step: StepRow, rows: MessageRows): string[] {
  const waits = placeOf(step.commandId, rows);
  const redelivered = rows.deadLetters.filter(({ messageId, status }) => messageId === step.commandId && status === 'redelivered');
  if (redelivered.length === 0) return [];
  return (waits.length > 0 ? waits : ['redelivered, and not ended yet']).map((place) => `step ${step.path}: ${place}`);
}

/** Where one message waits by itself: in the outbox, or parked. */
function placeOf(messageId: string, rows: MessageRows): string[] {
  if (rows.outbox.includes(messageId)) return ['settled and not yet published'];
  return rows.parked
    .filter((row) => row.messageId === messageId)
    .map(({ actor, dueAt, because, attempts }) =>
      dueAt === null
        ? `parked at actor ${actor} behind an earlier message of its key`
        : `parked at actor ${actor} until ${dueAt} after ${attempts} attempts: ${because}`,
    );
}

/** Nothing runs that could still end it. */
function isGivenUp({ status }: DeadLetterEntry): boolean {
  return status === 'open' || status === 'discarded';
}

function deadLine({ id, reason, because, status, statusBecause }: DeadLetterEntry): string {
  const discarded = status === 'discarded' ? `; discarded: ${statusBecause ?? ''}` : '';
  return `dead letter ${id} (${reason}): ${because}${discarded}`;
}

function failedLine({ run, path, error, deadLetterId }: StepRow, rows: MessageRows): string {
  const letter = rows.deadLetters.find(({ id, status }) => id === deadLetterId && status === 'discarded');
  const discarded = letter === undefined ? '' : `; discarded: ${letter.statusBecause ?? ''}`;
  const what = deadLetterId === null ? '' : ` as dead letter ${deadLetterId}`;
  const hint = deadLetterId === null ? ` (mend the workflow, then visapi runs retry-step ${run})` : '';
  return `step ${path} failed${what} (${error?.reason ?? 'unknown'}): ${error?.because ?? 'no reason is recorded'}${hint}${discarded}`;
}

function unclearLine({ run }: RunState): string {
  return `run ${run.id} is ${run.status}, and none of its steps is: it is about to go on`;
}

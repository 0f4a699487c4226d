import type { AttemptRecord } from '../../lib/actor/record-port.ts';
import type { EventTrace } from '../../lib/store/trace.ts';
import { table } from './output.ts';
import { stepDetail } from './run-view.ts';

/** One thing that happened to an event. */
export interface TraceStage {
  /** RFC 3339; null: it has not happened yet. */
  readonly at: string | null;
  readonly what: string;
  readonly detail: string;
}

/** Everything that happened to an event, in the order of the time. */
export function traceStages(trace: EventTrace): TraceStage[] {
  const { event, runs, messages } = trace;
  const stages: TraceStage[] = [
    { at: event.receivedAt, what: 'received', detail: `${event.source} ${event.type}, stored as ${event.stream} ${event.seq}` },
  ];
  for (const { run, steps } of runs) {
    stages.push({ at: run.startedAt, what: 'run started', detail: `${run.workflow} version ${run.version}, run ${run.id}` });
    for (const step of steps) {
      const what = step.dueAt === null ? `command ${step.commandId}` : `until ${step.dueAt}`;
      stages.push({ at: step.startedAt, what: `step ${step.path} started`, detail: `${step.type}, ${what}` });
      if (step.endedAt === null) continue;
      stages.push({ at: step.endedAt, what: `step ${step.path} ${step.status}`, detail: stepDetail(step) });
    }
    if (run.endedAt !== null) stages.push({ at: run.endedAt, what: `run ${run.status}`, detail: run.id });
  }
  for (const effect of messages.effects) {
    const again = effect.repeats > 0 ? `, repeated ${effect.repeats} time(s)` : '';
    stages.push({ at: effect.claimedAt, what: 'effect claimed', detail: effect.id });
    if (effect.state !== 'claimed')
      stages.push({ at: effect.endedAt ?? effect.claimedAt, what: `effect ${effect.state}`, detail: `${effect.id}${again}` });
  }
  for (const letter of messages.deadLetters) {
    stages.push(...attempts(letter, letter.history));
    stages.push({ at: letter.at, what: 'dead letter', detail: `${letter.id}, ${letter.reason}: ${letter.because}` });
    if (letter.status === 'resolved') stages.push({ at: letter.statusAt, what: 'dead letter resolved', detail: letter.id });
  }
  for (const wait of messages.parked) {
    stages.push(...attempts(wait, wait.history as readonly AttemptRecord[]));
    const until = wait.dueAt === null ? 'behind an earlier message of its key' : `until ${wait.dueAt}`;
    stages.push({ at: null, what: `parked at ${wait.actor}`, detail: `${wait.messageId} ${until}: ${wait.because}` });
  }
  for (const { at, actor, messageId, outcome, reason } of messages.outcomes)
    stages.push({ at, what: `${outcome} by ${actor}`, detail: `${messageId}: ${reason}` });
  for (const { at, who, action, target } of messages.acts)
    stages.push({ at, what: ACTS[action] ?? action, detail: `${target}, by ${who}` });
  // The sort is stable: what happened at the same time stays in the order of its making.
  return stages.sort((a, b) => timeOf(a) - timeOf(b));
}

export function traceText(trace: EventTrace): string {
  const { event, fate, isProjected } = trace;
  const facts = `key ${event.key}, ${event.priority}, ${event.size} bytes`;
  const source = isProjected ? '' : '\nNo program has recorded it yet; it was found in the log.';
  const rows = traceStages(trace).map(({ at, what, detail }) => [at ?? 'now', what, detail]);
  const details = fate.details.map((line) => `\n  ${line}`).join('');
  return `Event ${event.id}\n${facts}${source}\nFate: ${fate.kind}${details}\n${table(['time', 'what', 'detail'], rows)}`;
}

/** What people do, by its action in the audit log. */
const ACTS: Readonly<Record<string, string>> = {
  'dead-letter.redeliver': 'dead letter redelivered',
  'dead-letter.retry-step': 'dead letter answered by a retry of its step',
  'dead-letter.edit': 'dead letter edited',
  'dead-letter.discard': 'dead letter discarded',
  'run.retry-step': 'step retried',
  'run.cancel': 'run cancelled by hand',
  'workflow.run': 'run opened by hand',
  'effect.resolve-done': 'held effect resolved as done',
  'effect.resolve-repeat': 'held effect resolved, to be repeated',
};

/** What has not happened yet is last. */
function timeOf({ at }: TraceStage): number {
  return at === null ? Number.MAX_SAFE_INTEGER : Date.parse(at);
}

/** A message's failures. Its effect's row forgets one when the effect is claimed again; these stay. */
function attempts({ actor, messageId }: { actor: string; messageId: string }, history: readonly AttemptRecord[]): TraceStage[] {
  return history.map(({ attempt, at, because }) => ({
    at,
    what: `attempt ${attempt} failed at ${actor}`,
    detail: `${messageId}: ${because}`,
  }));
}

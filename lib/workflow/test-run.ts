import type { CompiledWorkflow } from './compile.ts';
import { isObject } from './definition.ts';
import type { WorkflowEvent } from './event.ts';
import { eventTurn } from './event-turn.ts';
import type { StepResult } from './result-turn.ts';
import { resultTurn } from './result-turn.ts';
import type { RunRow, StepRow } from './row.ts';
import { eventScope } from './scope.ts';
import type { Turn } from './turn.ts';

/** What an actor answers in a test. */
export type CannedResult = { readonly output?: unknown } | { readonly error: string };

export type Played =
  | { readonly kind: 'none'; readonly because: string }
  | {
      readonly kind: 'played';
      readonly run: RunRow;
      readonly steps: readonly StepRow[];
      /** By the step's path: what was asked of its actor, or told to the new event. */
      readonly asked: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
    };

/** Plays one run to its end with the engine's own turns. Every command is answered at once, every delay ends at once. */
export function playRun(workflow: CompiledWorkflow, event: WorkflowEvent, results: Readonly<Record<string, CannedResult>>): Played {
  const rows = new Map<string, StepRow>();
  const asked = new Map<string, Readonly<Record<string, unknown>>>();
  let run: RunRow | undefined;
  let because = '';
  let waiting: StepResult[] = [];
  let at = event.time;
  const take = (turn: Turn): void => {
    if (turn.kind === 'rejected') {
      because = turn.because;
      return;
    }
    for (const row of turn.rows) {
      if (row.kind === 'run') run = row;
      else if (row.kind === 'step') rows.set(row.path, row);
      else if (row.kind === 'outcome') because = row.reason;
    }
    for (const { id, run: runId, step, body } of turn.commands) {
      const { onUnknown: _onUnknown, ...told } = body;
      asked.set(step, told);
      waiting.push(answer({ messageId: `${id}/result`, run: runId, step, command: id }, results[step] ?? {}));
    }
    for (const { id, type, key, body } of turn.events)
      asked.set(id.slice(id.indexOf('/') + 1), { type, key, data: JSON.parse(Buffer.from(body).toString()) as unknown });
    for (const { id, run: runId, step, dueAt } of turn.timers) {
      at = dueAt;
      waiting.push({ kind: 'succeeded', messageId: id, run: runId, step, command: id, output: { until: dueAt } });
    }
  };
  take(eventTurn({ event, workflows: [workflow], existing: new Set(), at }));
  while (run !== undefined && waiting.length > 0) {
    const [result, ...rest] = waiting;
    waiting = rest;
    const state = { run, steps: [...rows.values()] };
    take(resultTurn({ result: result!, state, workflow, event: { kind: 'read', scope: eventScope(event), event }, at }));
  }
  return run === undefined ? { kind: 'none', because } : { kind: 'played', run, steps: [...rows.values()], asked };
}

type About = Pick<StepResult, 'messageId' | 'run' | 'step' | 'command'>;

function answer(about: About, canned: CannedResult): StepResult {
  if (!('error' in canned)) return { ...about, kind: 'succeeded', output: isObject(canned) && 'output' in canned ? canned.output : {} };
  return { ...about, kind: 'failed', error: { reason: 'refused', because: canned.error }, deadLetterId: null };
}

import assert from 'node:assert/strict';

import { commandId, runId } from '../core/identity.ts';
import type { CompiledWorkflow } from './compile.ts';
import { compileText } from './compile.ts';
import type { WorkflowEvent } from './event.ts';
import { eventTurn } from './event-turn.ts';
import { resultTurn } from './result-turn.ts';
import { retryTurn } from './retry-turn.ts';
import type { RunRow, StepRow, WorkflowRow } from './row.ts';
import { eventScope } from './scope.ts';
import type { RunState, Turn } from './turn.ts';

/** What the tests of turns are about: one event, and workflows of steps that send to Slack. */
export const AT = '2026-01-02T03:04:05.000Z';

export const event: WorkflowEvent = {
  id: 'event-1',
  source: 'github',
  type: 'release.published',
  key: 'o/r',
  priority: 'critical',
  time: AT,
  receivedAt: AT,
  stream: 'EVENTS',
  seq: 7,
  traceparent: null,
  hops: 0,
  onlyFor: null,
  body: Buffer.from('{"tag":"v1","draft":false}'),
};

interface Sketch {
  readonly name?: string;
  readonly version?: number;
  readonly on?: object;
  readonly steps?: readonly { readonly id: string; readonly text?: string; readonly if?: string }[];
}

export function workflow({
  name = 'w',
  version = 1,
  on = {},
  steps = [{ id: 'first' }, { id: 'second', text: '{{ steps.first.output.ts }}' }],
}: Sketch = {}): CompiledWorkflow {
  const document = {
    name,
    on: { event: 'release.published', ...on },
    steps: steps.map(({ id, text = '{{ event.data.tag }}', if: condition }) => ({
      id,
      uses: 'slack.send',
      with: { channel: '#a', text },
      ...(condition === undefined ? {} : { if: condition }),
    })),
  };
  const result = compileText(JSON.stringify(document), version);
  assert.ok(result.kind === 'right', JSON.stringify(result));
  return result.value.compiled;
}

/** A workflow of any steps, on every release. */
export function workflowOf(steps: readonly object[], version = 1): CompiledWorkflow {
  const result = compileText(JSON.stringify({ name: 'w', on: { event: 'release.published' }, steps }), version);
  assert.ok(result.kind === 'right', JSON.stringify(result));
  return result.value.compiled;
}

/** A step that sends a text to Slack. */
export function send(id: string, text = 'x'): object {
  return { id, uses: 'slack.send', with: { channel: '#a', text } };
}

export function recorded(turn: Turn): Turn & { kind: 'recorded' } {
  assert.ok(turn.kind === 'recorded');
  return turn;
}

export function open(workflows: readonly CompiledWorkflow[], changes: Partial<WorkflowEvent> = {}, existing: readonly string[] = []): Turn {
  return eventTurn({ event: { ...event, ...changes }, workflows, existing: new Set(existing), at: AT });
}

/** The run of one workflow after the turns so far. */
export function stateOf(turns: readonly Turn[], name = 'w'): RunState {
  const id = runId(name, event.id);
  const rows = turns.flatMap((turn): readonly WorkflowRow[] => recorded(turn).rows);
  const run = rows.findLast((row): row is RunRow => row.kind === 'run' && row.id === id);
  assert.ok(run);
  const steps = new Map(rows.filter((row): row is StepRow => row.kind === 'step' && row.run === id).map((row) => [row.path, row]));
  return { run, steps: [...steps.values()] };
}

export const read = { kind: 'read', scope: eventScope(event), event } as const;
export const RUN = runId('w', event.id);

export function succeed(state: RunState, step: string, workflowVersion = workflow(), output: unknown = { ts: '17' }): Turn {
  const result = { kind: 'succeeded', messageId: 'm', run: RUN, step, command: commandId(RUN, step), output } as const;
  return resultTurn({ result, state, workflow: workflowVersion, event: read, at: AT });
}

export function fail(state: RunState, step: string, generation = ''): Turn {
  const error = { reason: 'refused', because: 'invalid_blocks', detail: { answer: 'long' } };
  const result = {
    kind: 'failed',
    messageId: 'm',
    run: RUN,
    step,
    command: commandId(RUN, step, generation),
    error,
    deadLetterId: 'd1',
  } as const;
  return resultTurn({ result, state, workflow: workflow(), event: read, at: AT });
}

export function retry(state: RunState, step: string, mended: CompiledWorkflow | undefined, generation = 'g1'): Turn {
  return retryTurn({
    retry: { messageId: 'm', run: RUN, step, generation, workflow: 'w', version: mended?.version ?? 9 },
    state,
    workflow: mended,
    event: read,
    at: AT,
  });
}

export function outcome(turn: Turn): string | undefined {
  const { rows, commands } = recorded(turn);
  assert.equal(commands.length, 0);
  const row = rows.find((each) => each.kind === 'outcome');
  return row?.kind === 'outcome' ? `${row.outcome}: ${row.reason}` : undefined;
}

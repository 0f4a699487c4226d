import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commandId, runId } from '../core/identity.ts';
import type { CompiledWorkflow } from './compile.ts';
import { compileText } from './compile.ts';
import type { WorkflowEvent } from './event.ts';
import { eventTurn } from './event-turn.ts';
import { needsEvent, resultTurn } from './result-turn.ts';
import { retryTurn } from './retry-turn.ts';
import type { RunRow, StepRow, WorkflowRow } from './row.ts';
import { eventScope } from './scope.ts';
import type { RunState, Turn } from './turn.ts';

const AT = '2026-01-02T03:04:05.000Z';

const event: WorkflowEvent = {
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
  body: Buffer.from('{"tag":"v1","draft":false}'),
};

interface Sketch {
  readonly name?: string;
  readonly version?: number;
  readonly on?: object;
  readonly steps?: readonly { readonly id: string; readonly text?: string; readonly if?: string }[];
}

function workflow({ name = 'w', version = 1, on = {}, steps = [{ id: 'first' }, { id: 'second', text: '{{ steps.first.output.ts }}' }] }: Sketch = {}): CompiledWorkflow {
  const document = {
    name,
    on: { event: 'release.published', ...on },
    steps: steps.map(({ id, text = '{{ event.data.tag }}', if: condition }) => ({ id, uses: 'slack.send', with: { channel: '#a', text }, ...(condition === undefined ? {} : { if: condition }) })),
  };
  const result = compileText(JSON.stringify(document), version);
  assert.ok(result.kind === 'right', JSON.stringify(result));
  return result.value.compiled;
}

function recorded(turn: Turn): Turn & { kind: 'recorded' } {
  assert.ok(turn.kind === 'recorded');
  return turn;
}

function open(workflows: readonly CompiledWorkflow[], changes: Partial<WorkflowEvent> = {}, existing: readonly string[] = []): Turn {
  return eventTurn({ event: { ...event, ...changes }, workflows, existing: new Set(existing), at: AT });
}

/** The run of one workflow after the turns so far. */
function stateOf(turns: readonly Turn[], name = 'w'): RunState {
  const id = runId(name, event.id);
  const rows = turns.flatMap((turn): readonly WorkflowRow[] => recorded(turn).rows);
  const run = rows.findLast((row): row is RunRow => row.kind === 'run' && row.id === id);
  assert.ok(run);
  const steps = new Map(rows.filter((row): row is StepRow => row.kind === 'step' && row.run === id).map((row) => [row.path, row]));
  return { run, steps: [...steps.values()] };
}

const read = { kind: 'read', scope: eventScope(event) } as const;
const RUN = runId('w', event.id);

function succeed(state: RunState, step: string, workflowVersion = workflow(), output: unknown = { ts: '17' }): Turn {
  const result = { kind: 'succeeded', messageId: 'm', run: RUN, step, command: commandId(RUN, step), output } as const;
  return resultTurn({ result, state, workflow: workflowVersion, event: read, at: AT });
}

function fail(state: RunState, step: string, generation = ''): Turn {
  const error = { reason: 'refused', because: 'invalid_blocks', detail: { answer: 'long' } };
  const result = { kind: 'failed', messageId: 'm', run: RUN, step, command: commandId(RUN, step, generation), error, deadLetterId: 'd1' } as const;
  return resultTurn({ result, state, workflow: workflow(), event: read, at: AT });
}

function retry(state: RunState, step: string, mended: CompiledWorkflow | undefined, generation = 'g1'): Turn {
  return retryTurn({ retry: { messageId: 'm', run: RUN, step, generation, workflow: 'w', version: mended?.version ?? 9 }, state, workflow: mended, event: read, at: AT });
}

function outcome(turn: Turn): string | undefined {
  const { rows, commands } = recorded(turn);
  assert.equal(commands.length, 0);
  const row = rows.find((each) => each.kind === 'outcome');
  return row?.kind === 'outcome' ? `${row.outcome}: ${row.reason}` : undefined;
}

test('an event opens a run of each workflow that wants it, with the command of its first step', () => {
  const turn = recorded(open([workflow(), workflow({ name: 'other' }), workflow({ name: 'elsewhere', on: { source: 'stripe' } }), workflow({ name: 'another', on: { event: ['x', 'y'] } })]));
  assert.deepEqual(
    turn.rows.map((row) => row.kind),
    ['event', 'run', 'step', 'run', 'step'],
  );
  assert.equal(turn.rows[0]?.kind === 'event' && turn.rows[0].fate, 'routed');
  assert.deepEqual(turn.commands, [
    ...['w', 'other'].map((name) => {
      const run = runId(name, event.id);
      const body = { channel: '#a', text: 'v1', onUnknown: 'repeat' };
      return { id: `${run}/first`, actor: 'slack', type: 'slack.send', run, step: 'first', key: 'o/r', priority: 'critical', body };
    }),
  ]);
});

test('an event that no workflow wants is unrouted, and says why', () => {
  assert.equal(outcome(open([workflow({ on: { event: 'x' } })])), 'unrouted: no workflow wants release.published of github');
  assert.equal(outcome(open([workflow({ on: { if: 'event.data.draft' } })])), 'unrouted: no condition holds: w');
  assert.equal(outcome(open([], { body: Buffer.from('no json') })), 'unrouted: no workflow wants release.published of github');
});

test('an event whose run is there opens none again, and opens those that are missing', () => {
  const again = open([workflow()], {}, [RUN]);
  assert.equal(outcome(again), `skipped: duplicate: ${RUN}`);
  const [row] = recorded(again).rows;
  assert.equal(row?.kind === 'event' && row.fate, 'duplicate');
  const more = recorded(open([workflow(), workflow({ name: 'other' })], {}, [RUN]));
  assert.deepEqual(more.commands.map(({ run }) => run), [runId('other', event.id)]);
  assert.equal(outcome(open([], {}, [RUN])), `skipped: duplicate: ${RUN}`);
});

for (const body of ['no json', '', '\xff\xfe', '{"a":'])
  test(`a body that is not JSON is rejected with its place: ${JSON.stringify(body)}`, () => {
    const turn = open([workflow()], { body: Buffer.from(body, 'latin1') });
    assert.ok(turn.kind === 'rejected');
    assert.match(JSON.stringify(turn.detail), /"place":"event.data".*"workflows":\["w"\]/);
  });

test('JSON of another shape is no crash', () => {
  for (const body of ['null', '7', '[]', '"x"']) {
    const { run } = stateOf([open([workflow()], { body: Buffer.from(body) })]);
    assert.deepEqual([run.status, run.error?.place], ['failed', 'steps[0].with.text']);
  }
});

test('one workflow that cannot be evaluated stops no other, and its run stands failed where it failed', () => {
  const bad = workflow({ name: 'bad', steps: [{ id: 'only', text: '{{ event.data.missing }}' }] });
  const worse = workflow({ name: 'worse', on: { if: 'event.data.missing == 1' } });
  const turn = open([bad, worse, workflow()]);
  assert.deepEqual(recorded(turn).commands.map(({ run }) => run), [RUN]);
  const failed = stateOf([turn], 'bad');
  assert.deepEqual([failed.run.status, failed.run.error], ['failed', { reason: 'invalid', because: 'undefined variable: event.data.missing', place: 'steps[0].with.text' }]);
  assert.equal(failed.steps[0]?.status, 'failed');
  assert.deepEqual(stateOf([turn], 'worse').run.error, { reason: 'invalid', because: 'No such key: missing', place: 'on.if' });
});

test('a result takes the run to its next step, and the last one to its end', () => {
  const opened = open([workflow()]);
  const second = succeed(stateOf([opened]), 'first');
  assert.deepEqual(recorded(second).commands.map(({ id, body }) => [id, body['text']]), [[`${RUN}/second`, '17']]);
  const end = succeed(stateOf([opened, second]), 'second');
  const { run, steps } = stateOf([opened, second, end]);
  assert.equal(run.status, 'done');
  assert.deepEqual(steps.map(({ path, status, position }) => [path, status, position]), [['first', 'done', 0], ['second', 'done', 1]]);
});

test('a result of a step that has ended changes nothing', () => {
  const opened = open([workflow()]);
  const state = stateOf([opened, succeed(stateOf([opened]), 'first')]);
  assert.equal(outcome(succeed(state, 'first')), `skipped: step first of run ${RUN} is done already`);
  assert.equal(outcome(fail(state, 'first')), `skipped: step first of run ${RUN} is done already`);
});

test('a result of no run, of no step and of another command changes nothing', () => {
  const state = stateOf([open([workflow()])]);
  const result = { kind: 'succeeded', messageId: 'm', run: RUN, step: 'first', command: 'x/first', output: null } as const;
  const input = { workflow: workflow(), event: read, at: AT };
  assert.equal(outcome(resultTurn({ ...input, result, state: undefined })), `skipped: there is no run ${RUN}`);
  assert.equal(outcome(resultTurn({ ...input, result: { ...result, step: 'second' }, state })), `skipped: run ${RUN} has not reached a step second`);
  assert.equal(outcome(resultTurn({ ...input, result, state })), `skipped: command x/first is not of step first of run ${RUN}`);
});

test('steps whose condition does not hold are skipped, and later steps can see it', () => {
  const skipping = workflow({
    steps: [
      { id: 'first', if: 'event.data.draft' },
      { id: 'second', if: 'steps.first.status == "skipped"', text: '{{ steps.first.output | default: "none" }}' },
      { id: 'third', if: 'false' },
    ],
  });
  const opened = open([skipping]);
  assert.deepEqual(recorded(opened).commands.map(({ step, body }) => [step, body['text']]), [['second', 'none']]);
  const { run, steps } = stateOf([opened, succeed(stateOf([opened]), 'second', skipping)]);
  assert.equal(run.status, 'done');
  assert.deepEqual(steps.map(({ status }) => status), ['skipped', 'done', 'skipped']);
});

test('a failed step leaves the run standing there, and goes on when it succeeds after all', () => {
  const opened = open([workflow()]);
  const failed = fail(stateOf([opened]), 'first');
  const state = stateOf([opened, failed]);
  assert.deepEqual([state.run.status, state.run.error], ['failed', { reason: 'refused', because: 'invalid_blocks' }]);
  assert.deepEqual([state.steps[0]?.deadLetterId, state.steps[0]?.error?.detail], ['d1', { answer: 'long' }]);
  const on = succeed(state, 'first');
  assert.deepEqual(recorded(on).commands.map(({ step }) => step), ['second']);
  const after = stateOf([opened, failed, on]);
  assert.deepEqual([after.run.status, after.run.error, after.steps[0]?.error, after.steps[0]?.deadLetterId], ['running', null, null, null]);
});

test('a retry renders the failed step with the version that it names, and the run keeps that version', () => {
  const opened = open([workflow()]);
  const failed = stateOf([opened, fail(stateOf([opened]), 'first')]);
  const mended = workflow({ version: 2, steps: [{ id: 'first', text: 'mended' }, { id: 'inserted', text: 'new' }, { id: 'second' }] });
  const retried = recorded(retry(failed, 'first', mended));
  assert.deepEqual(retried.commands.map(({ id, body }) => [id, body['text']]), [[`${RUN}/first#g1`, 'mended']]);
  const state = stateOf([opened, retried]);
  assert.deepEqual([state.run.status, state.run.version, state.steps[0]?.generation, state.steps[0]?.version], ['running', 2, 'g1', 2]);
  assert.equal(outcome(fail(state, 'first')), `skipped: step first of run ${RUN} has been given ${RUN}/first#g1 since`);
  assert.deepEqual(recorded(succeed(state, 'first', mended)).commands.map(({ step }) => step), ['inserted']);
});

test('a retry of a later step repeats no step that was done', () => {
  const opened = open([workflow()]);
  const second = succeed(stateOf([opened]), 'first');
  const failed = stateOf([opened, second, fail(stateOf([opened, second]), 'second')]);
  const retried = recorded(retry(failed, 'second', workflow({ version: 2 })));
  assert.deepEqual(retried.commands.map(({ id }) => id), [`${RUN}/second#g1`]);
  const reordered = workflow({ version: 3, steps: [{ id: 'second' }, { id: 'first' }, { id: 'last' }] });
  const state = stateOf([opened, second, retry(failed, 'second', reordered)]);
  assert.deepEqual(recorded(succeed(state, 'second', reordered)).commands.map(({ step }) => step), ['last']);
});

test('a retry of what does not stand failed changes nothing, and says why', () => {
  const opened = open([workflow()]);
  const state = stateOf([opened]);
  const failed = stateOf([opened, fail(state, 'first')]);
  assert.equal(outcome(retry(state, 'first', workflow({ version: 2 }))), `skipped: step first of run ${RUN} is waiting, not failed`);
  assert.equal(outcome(retry(failed, 'second', workflow({ version: 2 }))), `skipped: run ${RUN} has not reached a step second`);
  assert.equal(outcome(retry(failed, 'first', undefined)), 'skipped: workflow w has no version 9');
  assert.equal(outcome(retry(failed, 'first', workflow({ version: 2, steps: [{ id: 'renamed' }] }))), 'skipped: version 2 of workflow w has no step first');
  const retried = stateOf([opened, retry(failed, 'first', workflow({ version: 2 }))]);
  assert.equal(outcome(retry(retried, 'first', workflow({ version: 2 }))), `skipped: step first of run ${RUN} is in generation g1 already`);
});

test('a run whose trigger could not be evaluated has to pass it when it is retried', () => {
  const state = stateOf([open([workflow({ on: { if: 'event.data.missing' } })])]);
  assert.equal(recorded(retry(state, 'first', workflow({ version: 2, on: { if: '!event.data.draft' } }))).commands.length, 1);
  const declined = retry(state, 'first', workflow({ version: 2, on: { if: 'event.data.draft' } }));
  assert.deepEqual([recorded(declined).commands.length, stateOf([declined]).run.status, stateOf([declined]).steps[0]?.status], [0, 'done', 'skipped']);
  assert.equal(stateOf([retry(state, 'first', workflow({ version: 2, on: { if: 'event.data.wrong' } }))]).run.status, 'failed');
});

test('a run whose event the log has lost stands failed at the step that needs it', () => {
  const opened = open([workflow()]);
  const result = { kind: 'succeeded', messageId: 'm', run: RUN, step: 'first', command: `${RUN}/first`, output: null } as const;
  const lost = { kind: 'lost', error: { reason: 'expired', because: 'gone' } } as const;
  const turn = resultTurn({ result, state: stateOf([opened]), workflow: workflow(), event: lost, at: AT });
  const { run, steps } = stateOf([opened, turn]);
  assert.deepEqual([run.status, run.error?.reason, steps.map(({ status }) => status)], ['failed', 'expired', ['done', 'failed']]);
});

test('only a result that leads to another step needs the event', () => {
  const opened = open([workflow()]);
  const first = stateOf([opened]);
  const result = (step: string) => ({ kind: 'succeeded', messageId: 'm', run: RUN, step, command: `${RUN}/${step}`, output: null }) as const;
  assert.equal(needsEvent(result('first'), first, workflow()), true);
  const second = stateOf([opened, succeed(first, 'first')]);
  assert.equal(needsEvent(result('first'), second, workflow()), false);
  assert.equal(needsEvent(result('second'), second, workflow()), false);
});

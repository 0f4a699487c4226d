import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileText } from './compile.ts';
import type { WorkflowEvent } from './event.ts';
import { eventTurn } from './event-turn.ts';
import { resultTurn } from './result-turn.ts';
import type { RunRow, StepRow } from './row.ts';
import type { RunState, Turn } from './turn.ts';

const AT = '2026-11-22T09:00:00.000Z';
const checked = compileText(
  JSON.stringify({
    name: 'tell',
    on: { event: 'order.paid' },
    steps: [
      { id: 'mail', uses: 'email.send', with: { to: 'a@example.org', subject: 'Hi', text: 'Hi' } },
      { id: 'post', uses: 'slack.send', with: { channel: '#sales', text: 'was {{ steps.mail.output.status }}' } },
      { id: 'last', uses: 'email.send', with: { to: 'b@example.org', subject: 'Hi', text: 'Hi' } },
    ],
  }),
  1,
);
if (checked.kind !== 'right') throw new Error(JSON.stringify(checked.mistakes));
const workflow = checked.value.compiled;

const event: WorkflowEvent = {
  id: 'e1',
  source: 'shop',
  type: 'order.paid',
  key: 'k',
  priority: 'default',
  time: AT,
  receivedAt: AT,
  stream: 'EVENTS',
  seq: 1,
  traceparent: null,
  hops: 0,
  onlyFor: null,
  body: Buffer.from('{}'),
};

function stateAfter(turns: readonly Turn[]): RunState {
  const rows = turns.flatMap((turn) => (turn.kind === 'recorded' ? turn.rows : []));
  const run = rows.findLast((row): row is RunRow => row.kind === 'run')!;
  const steps = new Map(rows.filter((row): row is StepRow => row.kind === 'step').map((row) => [row.path, row]));
  return { run, steps: [...steps.values()] };
}

function recorded(turn: Turn): Extract<Turn, { kind: 'recorded' }> {
  assert.equal(turn.kind, 'recorded');
  return turn as Extract<Turn, { kind: 'recorded' }>;
}

/** The event's first run, through to its end. */
function firstRun(): RunState {
  const turns = [eventTurn({ event, workflows: [workflow], existing: new Set(), at: AT })];
  for (const step of ['mail', 'post', 'last']) {
    const state = stateAfter(turns);
    const result = {
      kind: 'succeeded',
      messageId: `r-${step}`,
      run: state.run.id,
      step,
      command: `${state.run.id}/${step}`,
      output: { status: `sent ${step}` },
    } as const;
    const scope = { kind: 'read', scope: { data: {} }, event } as never;
    turns.push(resultTurn({ result, state, workflow, event: scope, at: AT }));
  }
  return stateAfter(turns);
}

test('a replay that repeats nothing leads to nothing for an event that has its run', () => {
  const { run } = firstRun();
  const replay = { id: 'r1', repeat: [], divertTo: [] };
  const turn = recorded(eventTurn({ event: { ...event, replay }, workflows: [workflow], existing: new Set([run.id]), at: AT }));
  assert.deepEqual({ rows: turn.rows, commands: turn.commands }, { rows: [], commands: [] });
});

test('a replay repeats the steps of the actors that it names, once, and the others are what they were', () => {
  const first = firstRun();
  assert.equal(first.run.status, 'done');
  const replay = { id: 'r1', repeat: ['slack'], divertTo: ['#test'] };
  const again = { event: { ...event, replay }, workflows: [workflow], at: AT };
  const turn = recorded(eventTurn({ ...again, existing: new Set([first.run.id]), states: [first] }));
  const state = stateAfter([turn]);
  assert.notEqual(state.run.id, first.run.id);
  assert.deepEqual(
    turn.commands.map(({ actor, body, divertTo }) => ({ actor, text: body['text'], divertTo })),
    [{ actor: 'slack', text: 'was sent mail', divertTo: ['#test'] }],
  );
  const { run } = state;
  const result = { kind: 'succeeded', messageId: 'r', run: run.id, step: 'post', command: `${run.id}/post`, output: {} } as const;
  const end = recorded(resultTurn({ result, state, workflow, event: { kind: 'read', scope: { data: {} }, event } as never, at: AT }));
  assert.deepEqual(end.commands, []);
  assert.equal(stateAfter([turn, end]).run.status, 'done');

  const existing = new Set([first.run.id, run.id]);
  const twice = recorded(eventTurn({ ...again, existing, states: [first, stateAfter([turn, end])] }));
  assert.deepEqual(twice.commands, [], 'the same replay opens one run');
});

test('a run that has not ended is not repeated', () => {
  const open = stateAfter([eventTurn({ event, workflows: [workflow], existing: new Set(), at: AT })]);
  const replay = { id: 'r1', repeat: ['email'], divertTo: [] };
  const turn = recorded(
    eventTurn({ event: { ...event, replay }, workflows: [workflow], existing: new Set([open.run.id]), states: [open], at: AT }),
  );
  assert.deepEqual(turn.commands, []);
});

test('a step that the last run had not done is not begun by a replay of others', () => {
  const first = firstRun();
  const failed: RunState = {
    run: { ...first.run, status: 'failed' },
    steps: first.steps.filter(({ path }) => path === 'mail').map((row) => ({ ...row, status: 'failed' as const, output: null })),
  };
  const replay = { id: 'r1', repeat: ['document'], divertTo: [] };
  const turn = recorded(
    eventTurn({ event: { ...event, replay }, workflows: [workflow], existing: new Set([first.run.id]), states: [failed], at: AT }),
  );
  assert.deepEqual(turn.commands, []);
  assert.deepEqual(
    stateAfter([turn]).steps.map(({ path, status }) => `${path} ${status}`),
    ['mail skipped', 'post skipped', 'last skipped'],
  );
});

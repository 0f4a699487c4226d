import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRow, StepRow } from '../workflow/row.ts';
import { fateOf } from './fate.ts';
import { EVENT, RUN, STEP } from './test-story.ts';
import type { MessageRows } from './trace-rows.ts';

const NOTHING: MessageRows = { effects: [], parked: [], deadLetters: [], outcomes: [], acts: [], outbox: [] };

function fate(...states: readonly (readonly [RunRow['status'], ...StepRow['status'][]])[]): string {
  const runs = states.map(([status, ...steps], at) => ({
    run: { ...RUN, id: `run${at}`, status },
    steps: steps.map((each, position) => ({ ...STEP, run: `run${at}`, path: `step${position}`, position, status: each })),
  }));
  const { kind, details } = fateOf('event', EVENT, runs, NOTHING);
  return [kind, ...details].join(' | ');
}

test('an event is done only when every one of its runs is', () => {
  assert.equal(fate(['done', 'done', 'skipped']), 'done');
  assert.equal(fate(['done', 'done'], ['done']), 'done');
  assert.match(fate(['done', 'done'], ['running', 'waiting']), /^waiting \| step step0: /);
  assert.match(fate(['done', 'done'], ['failed', 'done', 'failed']), /^failed \| step step1 failed /);
});

test('an event whose runs a person has ended is cancelled, unless another run still has to end', () => {
  assert.equal(fate(['done', 'done'], ['cancelled', 'done', 'cancelled']), 'cancelled | run run1 of w');
  assert.equal(fate(['cancelled', 'failed']), 'cancelled | run run0 of w');
  assert.match(fate(['cancelled', 'cancelled'], ['running', 'waiting']), /^waiting \| /);
  assert.match(fate(['cancelled', 'cancelled'], ['failed', 'failed']), /^failed \| /);
});

test('a run that is failed while none of its steps is does not look done', () => {
  const unclear = 'waiting | run run0 is failed, and none of its steps is: it is about to go on';
  assert.equal(fate(['failed', 'waiting']), unclear);
  assert.equal(fate(['failed', 'done', 'waiting'], ['done', 'done']), unclear);
  assert.equal(fate(['failed']), unclear);
});

test('an event of no workflow that an actor of a user’s own has handled is done, and a failed run of it is not hidden', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const outcomes = [
    { messageId: 'event', actor: 'workflow', outcome: 'unrouted', reason: 'no workflow wants it', at },
    { messageId: 'event', actor: 'own', outcome: 'handled', reason: '', at },
  ];
  const unrouted = { ...EVENT, fate: 'unrouted' as const };
  assert.deepEqual(fateOf('event', unrouted, [], { ...NOTHING, outcomes }), { kind: 'done', details: ['handled by actor own'] });
  assert.equal(fateOf('event', unrouted, [], { ...NOTHING, outcomes: outcomes.slice(0, 1) }).kind, 'unrouted');
  const failed = [{ run: { ...RUN, status: 'failed' as const }, steps: [{ ...STEP, status: 'failed' as const }] }];
  assert.equal(fateOf('event', EVENT, failed, { ...NOTHING, outcomes }).kind, 'failed');
});

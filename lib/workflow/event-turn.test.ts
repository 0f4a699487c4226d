import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runId } from '../core/identity.ts';
import { event, workflow, recorded, open, stateOf, RUN, outcome } from './turn-fixture.ts';

test('an event opens a run of each workflow that wants it, with the command of its first step', () => {
  const turn = recorded(
    open([
      workflow(),
      workflow({ name: 'other' }),
      workflow({ name: 'elsewhere', on: { source: 'stripe' } }),
      workflow({ name: 'another', on: { event: ['x', 'y'] } }),
    ]),
  );
  assert.deepEqual(
    turn.rows.map((row) => row.kind),
    ['event', 'run', 'step', 'run', 'step'],
  );
  assert.equal(turn.rows[0]?.kind === 'event' && turn.rows[0].fate, 'routed');
  assert.deepEqual(
    turn.commands,
    ['w', 'other'].map((name) => {
      const run = runId(name, event.id);
      const body = { channel: '#a', text: 'v1', onUnknown: 'repeat' };
      return {
        id: `${run}/first`,
        actor: 'slack',
        type: 'slack.send',
        event: event.id,
        run,
        step: 'first',
        key: 'o/r',
        priority: 'critical',
        body,
      };
    }),
  );
});

test('an event that no workflow wants is unrouted, and says why', () => {
  assert.equal(outcome(open([workflow({ on: { event: 'x' } })])), 'unrouted: no workflow wants release.published of github');
  assert.equal(outcome(open([workflow({ on: { if: 'event.data.draft' } })])), 'unrouted: no condition holds: w');
  assert.equal(outcome(open([], { body: Buffer.from('no json') })), 'unrouted: no workflow wants release.published of github');
});

test('an event that is made for one workflow opens a run of it, whatever its trigger says, and of no other', () => {
  const both = [workflow(), workflow({ name: 'other', on: { event: 'x', if: 'false' } })];
  assert.deepEqual(
    recorded(open(both, { onlyFor: 'other' })).commands.map(({ run }) => run),
    [runId('other', event.id)],
  );
  assert.equal(outcome(open(both, { onlyFor: 'third' })), 'unrouted: workflow third is not enabled');
});

test('an event whose run is there opens none again, and opens those that are missing', () => {
  const again = open([workflow()], {}, [RUN]);
  assert.equal(outcome(again), `skipped: duplicate: ${RUN}`);
  const [row] = recorded(again).rows;
  assert.equal(row?.kind === 'event' && row.fate, 'duplicate');
  const more = recorded(open([workflow(), workflow({ name: 'other' })], {}, [RUN]));
  assert.deepEqual(
    more.commands.map(({ run }) => run),
    [runId('other', event.id)],
  );
  assert.equal(outcome(open([], {}, [RUN])), `skipped: duplicate: ${RUN}`);
});

for (const body of ['no json', ' ', '\xff\xfe', '{"a":'])
  test(`a body that is not JSON is rejected with its place: ${JSON.stringify(body)}`, () => {
    const turn = open([workflow()], { body: Buffer.from(body, 'latin1') });
    assert.ok(turn.kind === 'rejected');
    assert.match(JSON.stringify(turn.detail), /"place":"event.data".*"workflows":\["w"\]/);
  });

test('JSON of another shape, and no body at all, is no crash', () => {
  for (const body of ['', 'null', '7', '[]', '"x"']) {
    const { run } = stateOf([open([workflow()], { body: Buffer.from(body) })]);
    assert.deepEqual([run.status, run.error?.place], ['failed', 'steps[0].with.text']);
  }
});

test('one workflow that cannot be evaluated stops no other, and its run stands failed where it failed', () => {
  const bad = workflow({ name: 'bad', steps: [{ id: 'only', text: '{{ event.data.missing }}' }] });
  const worse = workflow({ name: 'worse', on: { if: 'event.data.missing == 1' } });
  const turn = open([bad, worse, workflow()]);
  assert.deepEqual(
    recorded(turn).commands.map(({ run }) => run),
    [RUN],
  );
  const failed = stateOf([turn], 'bad');
  assert.deepEqual(
    [failed.run.status, failed.run.error],
    ['failed', { reason: 'invalid', because: 'undefined variable: event.data.missing', place: 'steps[0].with.text' }],
  );
  assert.equal(failed.steps[0]?.status, 'failed');
  assert.deepEqual(stateOf([turn], 'worse').run.error, { reason: 'invalid', because: 'No such key: missing', place: 'on.if' });
});

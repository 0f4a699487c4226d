import assert from 'node:assert/strict';
import test from 'node:test';
import { clientEventKey, eventId } from '../core/identity.ts';
import { AT, COMMAND, DONE_ROWS, EFFECT, EVENT, FAILED_ROWS, LATER, LETTER, openStory, RUN, STEP } from './test-story.ts';

test('an event is waiting in every place where it can wait, and done at the end', async (t) => {
  const story = await openStory(t);
  const logged = await story.trace.ofLogged({ ...EVENT, receivedAt: AT });
  assert.deepEqual(
    [logged.isProjected, logged.fate.kind, logged.fate.details],
    [false, 'waiting', ['in the log: the workflow actor has not settled it yet']],
  );
  const command = { unit: story.workflow, id: COMMAND, subject: 's', key: 'A', headers: {}, body: Buffer.from('{}') };
  await story.turn(EVENT, RUN, STEP);
  await story.settle({ outbox: [command] });
  assert.equal(await story.fate(), 'waiting | step notify: settled and not yet published');
  await story.settle({ published: [{ unit: story.workflow, id: COMMAND, seq: 3 }] });
  assert.equal(await story.fate(), "waiting | step notify: its command run/notify is in its actor's lane");
  const parked = { unit: story.slack, stream: 'COMMANDS', priority: 'default', seq: 3, key: 'k', messageId: COMMAND, history: [] } as const;
  await story.settle({ parked: [{ ...parked, attempts: 0, dueAt: null, because: 'an earlier message waits' }] });
  assert.equal(await story.fate(), 'waiting | step notify: parked at actor slack behind an earlier message of its key');
  await story.settle({ parked: [{ ...parked, attempts: 2, dueAt: Date.parse(LATER), because: '500' }] });
  assert.equal(await story.fate(), `waiting | step notify: parked at actor slack until ${LATER} after 2 attempts: 500`);
  await story.settle({ unparked: [{ unit: story.slack, stream: 'COMMANDS', seq: 3 }] });
  await story.claim();
  await story.settle({
    effects: [{ unit: story.slack, id: EFFECT, state: 'done', result: { ts: '1' } }],
    outbox: [{ ...command, unit: story.slack, id: `${COMMAND}/result` }],
  });
  assert.equal(await story.fate(), 'waiting | step notify: its result is settled and not yet published');
  await story.settle({ published: [{ unit: story.slack, id: `${COMMAND}/result`, seq: 4 }] });
  assert.equal(await story.fate(), `waiting | step notify: effect ${EFFECT} is done; its result is on its way`);
  await story.turn(...DONE_ROWS);
  assert.equal(await story.fate(), 'done');
  for (const id of ['run', COMMAND, EFFECT, `${COMMAND}/result`]) assert.equal((await story.trace.byId(id))?.event.id, 'event', id);
  assert.equal(await story.trace.byId('runner'), undefined);
});

test('unrouted, skipped, failed and dead events say so, and why', async (t) => {
  const story = await openStory(t);
  const outcome = { kind: 'outcome', messageId: 'event', actor: 'workflow', at: AT } as const;
  await story.turn({ ...EVENT, fate: 'unrouted' }, { ...outcome, outcome: 'unrouted', reason: 'no workflow wants it' });
  assert.equal(await story.fate(), 'unrouted | no workflow wants it');
  await story.die({ unit: story.workflow, id: 'workflow:event:0', messageId: 'event', run: null, step: null, because: 'boom' });
  assert.equal(await story.fate(), 'dead-lettered | dead letter workflow:event:0 (refused): boom');

  const other = await openStory(t);
  await other.turn({ ...EVENT, fate: 'duplicate' }, { ...outcome, outcome: 'skipped', reason: 'duplicate' });
  assert.equal(await other.fate(), 'skipped | duplicate');
  await other.turn(
    RUN,
    { ...STEP, status: 'failed', error: { reason: 'invalid', because: 'no such field' } },
    { ...RUN, status: 'failed' },
  );
  assert.equal(
    await other.fate(),
    'failed | step notify failed (invalid): no such field (mend the workflow, then visapi runs retry-step run)',
  );
});

test('the events of a key are listed newest first, with their fates, and the projection says since when it knows', async (t) => {
  const story = await openStory(t);
  assert.equal(await story.trace.knownSince(), undefined);
  await story.turn(
    EVENT,
    ...DONE_ROWS,
    { ...EVENT, id: 'newer', receivedAt: LATER, fate: 'unrouted' },
    { ...EVENT, id: 'other', key: 'B' },
  );
  assert.deepEqual(
    (await story.trace.byKey('A', 10)).map(({ event, fate }) => [event.id, fate.kind]),
    [
      ['newer', 'unrouted'],
      ['event', 'done'],
    ],
  );
  assert.equal((await story.trace.byKey('A', 1)).length, 1);
  assert.equal(await story.trace.countOfKey('A'), 2);
  assert.equal(await story.trace.countKnown(['newer', 'other', 'nobody']), 2);
  assert.equal(await story.trace.knownSince(), AT);
});

test("an event is found by its provider's id, under every source that is recorded or named", async (t) => {
  const story = await openStory(t);
  await story.turn({ ...EVENT, id: eventId('github', '4711') }, { ...EVENT, id: eventId('shop', '4712') });
  const sourceOf = async (id: string, ...sources: string[]) => (await story.trace.byProviderId(id, sources)).trace?.event.id;
  assert.equal(await sourceOf('4711'), eventId('github', '4711'));
  assert.equal(await sourceOf('4712'), undefined);
  assert.equal(await sourceOf('4712', 'shop'), eventId('shop', '4712'));
  assert.equal(await sourceOf('4713', 'shop'), undefined);
  // A client's: its id belongs to its own source, within the key's.
  const ofClient = eventId('shop', clientEventKey('/orders', '4714'));
  await story.turn({ ...EVENT, id: ofClient });
  assert.equal(await sourceOf(clientEventKey('/orders', '4714'), 'shop'), ofClient);
  assert.equal(await sourceOf('4714', 'shop'), undefined);
});

test('what people did about a dead letter stays in the trace after its redelivery', async (t) => {
  const story = await openStory(t);
  await story.turn(EVENT, RUN, STEP);
  await story.die();
  assert.deepEqual((await story.trace.byId('event'))?.messages.acts, []);
  assert.ok(await story.redeliver());
  await story.settle({ unparked: [{ unit: story.slack, stream: 'DEAD_LETTERS', seq: 11 }] });
  await story.turn(...DONE_ROWS);
  const found = await story.trace.byId('event');
  assert.deepEqual(
    found?.messages.acts.map(({ who, action, target }) => [who, action, target]),
    [['ada', 'dead-letter.redeliver', LETTER]],
  );
  const [letter] = found.messages.deadLetters;
  assert.deepEqual([letter?.status, letter?.reason, letter?.at], ['resolved', 'refused', AT]);
  assert.ok(Date.parse(letter?.statusAt ?? '') >= Date.parse(found.messages.acts[0]?.at ?? ''));
});

test('a trace is one picture: while a run fails and is retried again and again, its run and its step never contradict each other', async (t) => {
  const story = await openStory(t);
  await story.turn(EVENT, RUN, STEP);
  let isOver = false;
  const seen = new Set<string>();
  const look = async (): Promise<void> => {
    while (!isOver) {
      const found = await story.trace.byId('event');
      const [state] = found?.runs ?? [];
      seen.add(`${state?.run.status}, ${state?.steps[0]?.status}: ${found?.fate.kind}`);
    }
  };
  const looking = [look(), look(), look()];
  try {
    for (let round = 0; round < 300; round++) {
      await story.turn(...FAILED_ROWS);
      await story.turn(RUN, STEP);
    }
  } finally {
    isOver = true;
    await Promise.all(looking);
  }
  assert.deepEqual([...seen].sort(), ['failed, failed: dead-lettered', 'running, waiting: waiting']);
});

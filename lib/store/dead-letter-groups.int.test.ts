import assert from 'node:assert/strict';
import test from 'node:test';
import { groupDeadLetters } from './dead-letter-groups.ts';
import { readDeadLetterStory } from './dead-letter-story.ts';
import { findDeadLetter, listDeadLetters } from './dead-letters.ts';
import { discardDeadLetters } from './discard.ts';
import { redeliverMessage } from './redeliver.ts';
import { AS_USUAL, AT, COMMAND, DONE_ROWS, EVENT, FAILED_ROWS, LATER, LETTER, openStory, RUN, STEP } from './test-story.ts';

const BULK = { ...AS_USUAL, isBulk: true };

test('dead letters of one cause are one group, whatever ids, numbers and times their reasons name, and are discarded with a reason', async (t) => {
  const story = await openStory(t);
  const causes = [
    ['refused', 'channel C024BE91L: 404 at 2026-11-22T10:00:00.123Z for run 4qfrx2h7kbzmbadcfgj5ewnapy/notify after 3 of 8'],
    ['refused', 'channel C99ZZ71Q0: 404 at 2026-11-21 09:00:00+02:00 for run y3njg6uuqar4ac35xpk6qqeqyo/notify after 12 of 8'],
    ['refused', 'channel C024BE91L: 404 at 2026-11-22T10:00:00Z for run 0188c6f0-1111-7abc-8def-0123456789ab/notify after 1.5 of 8'],
    ['gone', 'channel C024BE91L: 404 at 2026-11-22T10:00:00Z for run 4qfrx2h7kbzmbadcfgj5ewnapy/notify after 3 of 8'],
    ['refused', 'invalid_blocks'],
    ['refused', 'invalid_attachments_in_a_long_word'],
  ] as const;
  for (const [n, [reason, because]] of causes.entries())
    await story.die({ id: `slack:m${n}:0`, messageId: `m${n}`, run: null, step: null, reason, because, at: n === 0 ? AT : LATER });
  const groups = await groupDeadLetters(story.database, { status: 'open' }, 10);
  assert.deepEqual(groups.map(({ count, reason }) => [count, reason])[0], [3, 'refused']);
  assert.equal(groups.length, 4);
  const [largest] = groups;
  assert.match(largest!.fingerprint, /^[0-9a-f]{10}$/);
  assert.equal(largest!.pattern, 'channel <id>: <n> at <time> for run <id>/notify after <n> of <n>');
  assert.deepEqual([largest!.firstAt, largest!.lastAt, largest!.actors, largest!.example], [AT, LATER, ['slack'], 'slack:m2:0']);

  const group = largest!.fingerprint;
  const letters = await listDeadLetters(story.database, { group }, 10);
  assert.deepEqual(
    letters.map(({ id }) => id),
    ['slack:m2:0', 'slack:m1:0', 'slack:m0:0'],
  );
  const discard = () =>
    discardDeadLetters(
      story.database,
      letters.map(({ id }) => id),
      { because: 'a test channel', who: 'ada' },
    );
  assert.deepEqual((await discard()).length, 3);
  assert.deepEqual(await discard(), [], 'what is discarded is not open any more');
  assert.deepEqual(await listDeadLetters(story.database, { group, status: 'open' }, 10), []);
  const audit = await story.database.query({ text: 'select who, action, target, detail from audit_log order by id' });
  assert.equal(audit.length, 3);
  assert.deepEqual(audit[0], { who: 'ada', action: 'dead-letter.discard', target: 'slack:m0:0', detail: { because: 'a test channel' } });
  const plan = await story.plan('slack:m0:0');
  assert.ok(plan.kind === 'refused' && plan.needsForce && plan.because === 'it is discarded: a test channel');
  assert.equal((await story.plan('slack:m0:0', { ...AS_USUAL, force: true })).kind, 'message');
});

test('what dies again and again is not redelivered unseen, and its story has what every attempt said and what people did', async (t) => {
  const story = await openStory(t);
  await story.turn(EVENT, RUN, STEP);
  await story.die();
  await story.turn(...FAILED_ROWS);
  for (const round of [1, 2]) {
    const id = `slack:${COMMAND}:${round}`;
    const before = `slack:${COMMAND}:${round - 1}`;
    const plan = await story.plan(before, BULK);
    assert.ok(plan.kind === 'message');
    const edit = { seq: 100 + round, before: 'a'.repeat(64), after: 'b'.repeat(64) };
    assert.ok(
      await redeliverMessage(story.database, {
        plan,
        stream: 'DEAD_LETTERS',
        delayMs: 0,
        who: 'ada',
        ...(round === 1 ? { edit } : {}),
      }),
    );
    const [adopted] = await story.store.adopt([story.slack]);
    assert.equal(adopted?.seq, round === 1 ? 101 : 12, 'an edited copy takes the stored one’s place');
    await story.settle({ unparked: [{ unit: story.slack, stream: 'DEAD_LETTERS', seq: adopted!.seq }] });
    const history = [{ attempt: 1, at: LATER, because: `round ${round}` }];
    await story.die({ id, round, stream: 'DEAD_LETTERS', seq: adopted!.seq, history, at: LATER, because: 'still' });
  }
  const third = `slack:${COMMAND}:2`;
  const refused = await story.plan(third, BULK);
  assert.ok(refused.kind === 'refused' && refused.needsForce && /died 3 times/.test(refused.because));
  assert.equal((await story.plan(third)).kind, 'message', 'named by its id it is');
  assert.equal((await story.plan(third, { ...BULK, force: true })).kind, 'message');

  const { deaths, stages } = await readDeadLetterStory(story.database, (await findDeadLetter(story.database, third))!);
  assert.deepEqual(
    deaths.map(({ id }) => id),
    [LETTER, `slack:${COMMAND}:1`, third],
  );
  const told = stages.map(({ letter, what, who, detail }) => [letter.at(-1), what, ...(who === null ? [] : [who]), detail].join(' '));
  for (const line of [
    '0 attempt failed attempt 1: invalid_blocks',
    '0 died refused: invalid_blocks',
    '0 edited ada the edited copy is DEAD_LETTERS 101',
    '0 redelivered ada as DEAD_LETTERS 101',
    '1 attempt failed attempt 1: round 1',
    '1 redelivered ada as DEAD_LETTERS 12',
    '2 attempt failed attempt 1: round 2',
    '2 died refused: still',
  ])
    assert.ok(told.includes(line), `${line} is not among\n${told.join('\n')}`);
  const edits = await story.database.query({ text: `select detail from audit_log where action = 'dead-letter.edit'` });
  assert.deepEqual(edits, [{ detail: { stream: 'DEAD_LETTERS', seq: 101, before: 'a'.repeat(64), after: 'b'.repeat(64) } }]);

  assert.deepEqual(await discardDeadLetters(story.database, [third], { because: 'nobody needs it', who: 'bob' }), [third]);
  assert.match(await story.fate(), /^dead-lettered \| step notify failed as dead letter /);
  await story.turn(...DONE_ROWS);
  assert.equal(await story.fate(), 'done');
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { listHeld, resolveHeld } from './held.ts';
import { COMMAND, EFFECT, EVENT, openStory, RUN, STEP } from './test-story.ts';

for (const as of ['done', 'repeat'] as const)
  test(`a held effect is resolved once, as ${as}, and its message runs again`, async (t) => {
    const story = await openStory(t);
    await story.turn(EVENT, RUN, STEP);
    await story.claim();
    assert.deepEqual(await story.claim(), { kind: 'held' });
    assert.match(await story.fate(), /^waiting \| step notify: effect run\/notify\/send is held/);
    assert.deepEqual(
      (await listHeld(story.database, { actor: 'slack' }, 10)).map(({ id, stream, seq }) => [id, stream, seq]),
      [[EFFECT, 'COMMANDS', 3]],
    );
    assert.deepEqual(await resolveHeld(story.database, { id: EFFECT, as, who: 'ada' }), { kind: 'resolved' });
    const state = as === 'done' ? 'done' : 'failed';
    assert.deepEqual(await resolveHeld(story.database, { id: EFFECT, as: 'done', who: 'bob' }), { kind: 'not-held', state });
    assert.deepEqual(await resolveHeld(story.database, { id: 'x', as, who: 'bob' }), { kind: 'unknown' });
    const [adopted] = await story.store.adopt([story.slack]);
    assert.deepEqual([adopted?.stream, adopted?.seq, adopted?.messageId, adopted?.key], ['COMMANDS', 3, COMMAND, '["#a","A"]']);
    assert.deepEqual(await story.claim(), as === 'done' ? { kind: 'done', result: null } : { kind: 'granted', repeated: false });
    assert.deepEqual(await listHeld(story.database, {}, 10), []);
  });

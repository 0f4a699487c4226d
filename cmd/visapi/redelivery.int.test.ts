import assert from 'node:assert/strict';
import test from 'node:test';
import { findDeadLetter } from '../../lib/store/dead-letters.ts';
import { AS_USUAL, EVENT, FAILED_ROWS, LETTER, openStory, RUN, STEP } from '../../lib/store/test-story.ts';
import { redeliver } from './redelivery.ts';

test('a dead letter is redelivered although its copy is confirmed a moment later', async (t) => {
  const story = await openStory(t);
  await story.turn(EVENT, RUN, STEP);
  await story.die();
  await story.turn(...FAILED_ROWS);
  await story.database.query({ text: 'update dead_letters set copy_seq = null' });
  const letter = await findDeadLetter(story.database, LETTER);
  const results = redeliver(story.database, [letter!], { ...AS_USUAL, dryRun: false, rate: 20, who: 'ada' });
  await story.database.query({ text: 'update dead_letters set copy_seq = 11' });
  assert.deepEqual(
    (await results).map(({ action }) => action),
    ['message'],
  );
});

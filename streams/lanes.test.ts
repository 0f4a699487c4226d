import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PRIORITIES } from '../lib/core/priority.ts';
import { SLOTS } from '../lib/core/slot.ts';
import { ACTOR_LANES } from './actors.ts';
import { checkConsumerCount, countConsumers, lanesOf } from './lanes.ts';
import { logStreams } from './log-streams.ts';
import { divideLogBytes } from './stream-sizes.ts';
import { eventFilter } from './subjects.ts';
import { createTypeLimiter, OTHER_TYPE } from './type-limiter.ts';

test('the lanes of all partitions cover every slot of every priority once', () => {
  for (const partitions of [1, 2, 3, 4, 7, 16]) {
    const actor = { name: 'a', reads: ['events', 'commands'], partitions } as const;
    const filters = Array.from({ length: partitions }, (_, partition) => lanesOf(actor, partition))
      .flat()
      .flatMap((lane) => lane.spec.filterSubjects);
    assert.equal(new Set(filters).size, filters.length);
    assert.equal(filters.length, SLOTS * PRIORITIES.length * 2);
  }
});

test('a lane is named by its actor, priority and partition, and filters one subject per slot', () => {
  const lanes = lanesOf({ name: 'slack', reads: ['commands'], partitions: 8 }, 3);
  assert.deepEqual(lanes[0], {
    priority: 'critical',
    stream: 'COMMANDS',
    spec: { stream: 'COMMANDS', consumer: 'slack-critical-3', filterSubjects: ['commands.critical.3.slack', 'commands.critical.11.slack'] },
  });
  const [events] = lanesOf({ name: 'workflow', reads: ['events', 'commands'], partitions: 16 }, 5);
  assert.deepEqual(events?.spec.filterSubjects, [eventFilter('critical', 5)]);
  assert.throws(() => lanesOf({ name: 'slack', reads: ['commands'], partitions: 2 }, 2), /expected 0 to 1, got 2/);
});

test('consumers are counted, and too many are refused with who takes them', () => {
  assert.equal(checkConsumerCount(ACTOR_LANES), 4 * 3 * 2 + 3 * 2 * 3);
  const wide = { name: 'wide', reads: ['events', 'commands'], partitions: 16 } as const;
  assert.equal(countConsumers([wide]), 96);
  assert.throws(
    () => checkConsumerCount([wide, ...ACTOR_LANES]),
    /at most 120, got 138 \(wide 96, workflow 24, slack 6, document 6, email 6\)/,
  );
});

test('the streams together stay within the log size, and every one has a limit', () => {
  const totalBytes = 1_000_000_007;
  const streams = logStreams({ totalBytes });
  assert.ok(streams.every((stream) => stream.max_bytes > 0));
  assert.ok(streams.reduce((sum, stream) => sum + stream.max_bytes, 0) <= totalBytes);
  assert.equal(divideLogBytes(200 * 1024 ** 3).rejected, 256 * 1024 ** 2, 'strangers do not get more where there is more');
  assert.throws(() => divideLogBytes(1_000), RangeError);
});

test('the 501st type of a source shows as _other, and those known keep their subject', () => {
  const limit = createTypeLimiter();
  for (let n = 0; n < 500; n += 1) assert.equal(limit('github', `Type.${n}`), `type.${n}`);
  assert.equal(limit('github', 'type.500'), OTHER_TYPE);
  assert.equal(limit('github', 'type.499'), 'type.499');
  assert.equal(limit('stripe', 'type.500'), 'type.500');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nanoseconds, type StreamConfig } from './stream-config.ts';
import { compareStream } from './stream-diff.ts';

const wanted: StreamConfig = {
  name: 'LOG',
  subjects: ['log.>', 'more.>'],
  retention: 'limits',
  storage: 'file',
  num_replicas: 1,
  discard: 'new',
  max_age: nanoseconds(60_000),
  max_bytes: 1_000,
  duplicate_window: nanoseconds(1_000),
  allow_direct: true,
};
const use = { messages: 10, bytes: 500, oldestAge: nanoseconds(30_000) };

test('what is there is the same, whatever else the broker says about it', () => {
  const config = { ...wanted, subjects: ['more.>', 'log.>'], metadata: { '_nats.level': '0' }, max_msgs: -1 };
  assert.deepEqual(compareStream(wanted, { config, use }), { kind: 'same', name: 'LOG' });
});

test('a change that keeps every message is an update of the whole config, and foreign fields stay', () => {
  const step = compareStream({ ...wanted, max_bytes: 600, allow_atomic: true }, { config: { ...wanted, max_msgs: -1 }, use });
  assert.equal(step.kind, 'update');
  assert.deepEqual(step.kind === 'update' && step.changes.map(({ field }) => field), ['max_bytes', 'allow_atomic']);
  assert.deepEqual(step.kind === 'update' && step.config['max_msgs'], -1);
});

test('what would destroy messages or their durability is refused, with the reason', () => {
  const changes: readonly [Partial<StreamConfig>, RegExp][] = [
    [{ retention: 'workqueue' }, /acknowledged/],
    [{ storage: 'memory' }, /storage/],
    [{ subjects: ['log.>', 'other.>'] }, /more\.> would have no stream/],
    [{ max_bytes: 499 }, /holds 500 bytes/],
    [{ max_age: nanoseconds(29_000) }, /30 s old/],
    [{ discard: 'old' }, /drop its oldest/],
  ];
  for (const [change, reason] of changes) {
    const step = compareStream({ ...wanted, ...change }, { config: { ...wanted }, use });
    assert.equal(step.kind, 'refused', JSON.stringify(change));
    assert.match(String(step.kind === 'refused' && step.changes[0]?.refusal), reason);
  }
  assert.equal(compareStream(wanted, { config: { ...wanted, num_replicas: 3 }, use }).kind, 'refused');
});

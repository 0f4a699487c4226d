import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRelayPace } from './relay-pace.ts';

/** Lets `perSecond` events be accepted for a second, asks every millisecond, and takes all that may go. */
function relaySecond(perSecond: number, maxPerSecond: number, busyShare = 0.5) {
  let nowMs = 0;
  let accepted = 0;
  const pace = createRelayPace({ maxPerSecond, now: () => nowMs, lastNumber: () => Math.floor(accepted), busyShare: () => busyShare });
  let relayed = 0;
  const groups: number[] = [];
  for (let second = 0; second < 3; second += 1) {
    groups.length = 0;
    for (let ms = 0; ms < 1_000; ms += 1) {
      nowMs += 1;
      accepted += perSecond / 1_000;
      const count = Math.min(pace.available(), Math.floor(accepted) - relayed);
      if (count <= 0) continue;
      pace.take(count);
      relayed += count;
      groups.push(count);
    }
  }
  return { groups, waiting: Math.floor(accepted) - relayed };
}

test('few events go as they come', () => {
  const { groups, waiting } = relaySecond(300, 5_000);
  assert.ok(groups.length >= 299);
  assert.ok(Math.max(...groups) <= 1);
  assert.equal(waiting, 0);
});

test('many go in groups, some fifty in a second, and none is left behind', () => {
  for (const perSecond of [2_000, 10_000, 20_000]) {
    const { groups, waiting } = relaySecond(perSecond, 5_000);
    assert.ok(groups.length >= 45 && groups.length <= 50, `${groups.length} groups at ${perSecond}/s`);
    // What came since the last group.
    assert.ok(waiting <= perSecond / 45, `${waiting} wait at ${perSecond}/s`);
  }
});

test('a process at its limit accepts first: the log gets a tenth of its usual rate, in ten groups a second', () => {
  const { groups } = relaySecond(10_000, 2_000, 0.97);
  assert.ok(groups.length >= 9 && groups.length <= 11, `${groups.length} groups`);
  const relayed = groups.reduce((sum, count) => sum + count, 0);
  assert.ok(relayed >= 180 && relayed <= 220, `${relayed} relayed`);
});

test('where little is accepted the log comes first, however busy the process is with something else', () => {
  assert.equal(relaySecond(300, 2_000, 1).waiting, 0);
});

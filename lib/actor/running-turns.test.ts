import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunningTurns } from './running-turns.ts';

/** Time that only the test moves, and how many timers were ever set. */
function openTurns(timeoutMs: number) {
  let now = 0;
  let timersSet = 0;
  const timers = new Map<() => void, number>();
  const stop = new AbortController();
  const turns = new RunningTurns({
    timeoutMs,
    stop: stop.signal,
    clock: {
      now: () => now,
      monotonic: () => now,
      after(delayMs, callback) {
        timersSet += 1;
        timers.set(callback, now + delayMs);
        return () => void timers.delete(callback);
      },
    },
  });
  const told: string[] = [];
  return {
    turns,
    told,
    stop: () => stop.abort(),
    turn: (name: string) => ({ expire: () => void told.push(`${name} expires`), halt: () => void told.push(`${name} halts`) }),
    timersSet: () => timersSet,
    timersOpen: () => timers.size,
    go(toMs: number): void {
      now = toMs;
      for (const [callback, dueAt] of timers) if (dueAt <= now && timers.delete(callback)) callback();
    },
  };
}

test('each turn is told when its own time is up, and only once', () => {
  const { turns, told, turn, go } = openTurns(100);
  turns.begin(turn('first'));
  go(40);
  turns.begin(turn('second'));
  go(99);
  assert.deepEqual(told, []);
  go(100);
  assert.deepEqual(told, ['first expires']);
  go(139);
  go(140);
  go(1_000);
  assert.deepEqual(told, ['first expires', 'second expires']);
});

test('a turn that has ended is told nothing, and the ones behind it keep their time', () => {
  const { turns, told, turn, go } = openTurns(100);
  const [first, second] = [turn('first'), turn('second')];
  turns.begin(first);
  go(40);
  turns.begin(second);
  turns.end(first);
  go(100);
  assert.deepEqual(told, []);
  go(140);
  assert.deepEqual(told, ['second expires']);
});

test('very many turns at once share one timer, and none is left when the last has ended', () => {
  const { turns, turn, timersSet, timersOpen } = openTurns(100);
  const all = Array.from({ length: 1_000 }, (_, number) => turn(`${number}`));
  for (const each of all) turns.begin(each);
  for (const each of all) turns.end(each);
  assert.equal(timersSet(), 1);
  assert.equal(timersOpen(), 0);
});

test('a stop halts all that run, also what is over its time', () => {
  const { turns, told, turn, go, stop } = openTurns(100);
  turns.begin(turn('late'));
  go(100);
  turns.begin(turn('young'));
  assert.equal(turns.isStopped, false);
  stop();
  assert.equal(turns.isStopped, true);
  assert.deepEqual(told, ['late expires', 'late halts', 'young halts']);
});

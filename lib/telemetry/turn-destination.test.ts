import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { createLog } from './log.ts';
import { createTurnDestination } from './turn-destination.ts';

function capture() {
  const writes: string[] = [];
  const destination = createTurnDestination({ write: (text) => void writes.push(text) });
  const log = createLog({ program: 'test', env: 'development', version: '0', level: 'info', destination });
  const counts = () => writes.map((text) => text.trimEnd().split('\n').length);
  return { log, destination, writes, counts };
}

test('the lines of one turn are written together at its end, in their order', async () => {
  const { log, counts, writes } = capture();
  for (const round of [1, 2, 3]) log.info({ round }, 'x');
  assert.deepEqual(counts(), []);
  await endOfTurn();
  log.info({ round: 4 }, 'x');
  await endOfTurn();
  await endOfTurn();
  assert.deepEqual(counts(), [3, 1]);
  const rounds = writes.join('').trimEnd().split('\n');
  assert.deepEqual(
    rounds.map((line) => (JSON.parse(line) as { round: number }).round),
    [1, 2, 3, 4],
  );
});

test('an error is written at once, with what came before it', () => {
  const { log, counts } = capture();
  log.info('x');
  log.error('y');
  assert.deepEqual(counts(), [2]);
  log.warn('z');
  assert.deepEqual(counts(), [2]);
});

test('a flush writes what is held, once', async () => {
  const { log, destination, counts } = capture();
  log.info('x');
  destination.flush();
  destination.flush();
  await endOfTurn();
  assert.deepEqual(counts(), [1]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createService, inOrder } from './service.ts';

function recorder(name: string, calls: string[], fail?: 'start' | 'stop') {
  return createService(name, async () => {
    calls.push(`start ${name}`);
    if (fail === 'start') throw new Error(`${name} is broken`);
    return async () => {
      calls.push(`stop ${name}`);
      if (fail === 'stop') throw new Error(`${name} hangs`);
    };
  });
}

test('services start in order, stop in reverse, and each does both once however often it is asked', async () => {
  const calls: string[] = [];
  const all = inOrder('all', [recorder('a', calls), recorder('b', calls)]);
  await Promise.all([all.start(), all.start()]);
  await Promise.all([all.stop(), all.stop()]);
  await all.start();
  assert.deepEqual(calls, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a stop before the start means that it never starts', async () => {
  const calls: string[] = [];
  const service = recorder('a', calls);
  await service.stop();
  await service.start();
  assert.deepEqual(calls, []);
});

test('a stop during the start waits for it and then undoes it', async () => {
  const calls: string[] = [];
  const service = recorder('a', calls);
  await Promise.all([service.start(), service.stop()]);
  assert.deepEqual(calls, ['start a', 'stop a']);
});

test('when one fails to start, those before it are stopped', async () => {
  const calls: string[] = [];
  const all = inOrder('all', [recorder('a', calls), recorder('b', calls, 'start'), recorder('c', calls)]);
  await assert.rejects(all.start(), /b is broken/);
  await all.stop();
  assert.deepEqual(calls, ['start a', 'start b', 'stop a']);
});

test('one that fails to stop does not keep the others from stopping', async () => {
  const calls: string[] = [];
  const all = inOrder('all', [recorder('a', calls), recorder('b', calls, 'stop')]);
  await all.start();
  await assert.rejects(all.stop(), AggregateError);
  assert.deepEqual(calls, ['start a', 'start b', 'stop b', 'stop a']);
});

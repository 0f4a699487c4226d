import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { done, park, retry } from '../verdict.ts';
import { actor, until, type Property } from './bench.ts';

/** Order per key, and priorities. */
export function describeOrder(property: Property): void {
  property('one key runs one at a time and in order, other keys run beside it', async (bench) => {
    const open = new Map<string, number>();
    const seen = new Map<string, string[]>();
    const beside = Promise.withResolvers<void>();
    for (let i = 0; i < 100; i++) await bench.send({ actor: 'tester', key: `k${i % 10}`, body: String(i) });
    const running = bench.start([
      actor(async (body, { message: { key } }) => {
        open.set(key, (open.get(key) ?? 0) + 1);
        assert.equal(open.get(key), 1, `two of key ${key} at once`);
        // The first one does not end before a second one runs.
        if ([...open.values()].filter((count) => count > 0).length > 1) beside.resolve();
        await beside.promise;
        await wait(2);
        seen.set(key, [...(seen.get(key) ?? []), body]);
        open.set(key, 0);
        return done();
      }),
    ]);
    await until('all are handled, keys beside each other', () => [...seen.values()].flat().length === 100);
    for (const bodies of seen.values())
      assert.deepEqual(
        bodies,
        [...bodies].sort((a, b) => Number(a) - Number(b)),
      );
    await running.stop();
  });

  property('a failing head holds its key in order and no other key', async (bench) => {
    const seen: string[] = [];
    let isFailing = true;
    const running = bench.start([
      actor(
        (body) => {
          if (body === 'a1' && isFailing) return retry({ because: 'not yet' });
          seen.push(body);
          return done();
        },
        { retry: { attempts: 1_000, delayMs: () => 50 } },
      ),
    ]);
    for (const body of ['a1', 'a2', 'b1', 'a3', 'b2']) await bench.send({ actor: 'tester', key: body[0]!, body });
    await until('b is done', () => seen.includes('b2'));
    assert.ok(!seen.includes('a1') && !seen.includes('a2'));
    await until('a waits as rows', async () => (await bench.parked()).length === 3);
    await bench.send({ actor: 'tester', key: 'a', body: 'a4' });
    isFailing = false;
    await until('a is done', () => seen.includes('a4'));
    assert.deepEqual(
      seen.filter((body) => body.startsWith('a')),
      ['a1', 'a2', 'a3', 'a4'],
    );
    await until('nothing waits', async () => (await bench.parked()).length === 0);
    await running.stop();
  });

  property('a long queue behind a waiting head keeps its order, also across a kill', async (bench) => {
    const seen: string[] = [];
    let isOpen = false;
    const definition = actor(
      (body, { message }) => {
        if (!isOpen) return retry({ because: 'closed' });
        if (message.key === 'a') seen.push(body);
        return done();
      },
      { retry: { attempts: 1_000, delayMs: () => 50 } },
    );
    const first = bench.start([definition]);
    for (let i = 0; i < 300; i++) await bench.send({ actor: 'tester', key: 'a', body: String(i) });
    await until('all wait', async () => (await bench.parked()).length === 300);
    first.kill();
    isOpen = true;
    const second = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: '300' });
    await until('all are handled', () => seen.length === 301);
    assert.deepEqual(
      seen,
      Array.from({ length: 301 }, (_, i) => String(i)),
    );
    await second.stop();
  });

  property('a parked message waits until its time and costs no attempt', async (bench) => {
    const attempts: number[] = [];
    let dueAt = 0;
    const running = bench.start([
      actor((_body, { attempt }) => {
        attempts.push(attempt);
        if (attempts.length > 1) {
          assert.ok(Date.now() >= dueAt, 'it ran before its time');
          return done();
        }
        dueAt = Date.now() + 200;
        return park(dueAt, 'quiet hours');
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x' });
    await until('it ran again', () => attempts.length === 2);
    assert.deepEqual(attempts, [1, 1]);
    await running.stop();
  });

  property('critical overtakes a backlog of bulk, and bulk goes on', async (bench) => {
    const seen: string[] = [];
    const overtaken = Promise.withResolvers<void>();
    for (let i = 0; i < 200; i++) await bench.send({ actor: 'tester', key: `b${i}`, body: 'bulk', priority: 'bulk' });
    const running = bench.start([
      actor(
        async (body) => {
          if (body === 'bulk' && seen.length >= 10) await overtaken.promise;
          await wait(3);
          seen.push(body);
          return done();
        },
        { slots: 2 },
      ),
    ]);
    await until('bulk runs', () => seen.length >= 10);
    await bench.send({ actor: 'tester', key: 'c', body: 'critical', priority: 'critical' });
    await until('critical is done in front of what waits', () => seen.includes('critical'));
    overtaken.resolve();
    await until('bulk is done', () => seen.length === 201);
    await running.stop();
  });
}

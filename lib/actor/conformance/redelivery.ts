import assert from 'node:assert/strict';
import type { ActorDefinition } from '../define-actor.ts';
import type { Priority } from '../../core/priority.ts';
import { done, reject, retry } from '../verdict.ts';
import { actor, FAST, until, type ConformanceBench, type Property } from './bench.ts';

/** Rows that somebody else parked: redelivered dead letters, decided effects. */
export function describeRedelivery(property: Property): void {
  property('a redelivered message that kills its process each time is dead-lettered again', async (bench) => {
    const handled: string[] = [];
    let starts = 0;
    let isRefusing = true;
    let kill: () => void = () => undefined;
    const definition: ActorDefinition = actor(async (body) => {
      if (body === 'poison') {
        if (isRefusing) return reject('refused', 'not yet');
        starts++;
        kill();
        await new Promise(() => undefined);
      }
      handled.push(body);
      return done();
    });
    const first = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: 'poison', id: 'p1' });
    await until('it is dead', async () => (await bench.messages('DEAD_LETTERS')).length === 1);
    await first.stop();
    isRefusing = false;
    await redeliver(bench, { seq: 1, messageId: 'p1' });
    for (let life = 0; life < 10 && (await bench.deadLetters()).length === 1; life++) {
      let isDead = false;
      const running = bench.start([definition]);
      kill = () => {
        isDead = true;
        running.kill();
      };
      await until('it is killed or the poison is dead', async () => isDead || (await bench.deadLetters()).length > 1);
      if (isDead) continue;
      await bench.send({ actor: 'tester', key: 'a', body: 'after' });
      await until('the key goes on', () => handled.includes('after'));
      await running.stop();
    }
    assert.deepEqual(
      (await bench.deadLetters()).map(({ id, reason }) => ({ id, reason })),
      [
        { id: 'tester:p1:0', reason: 'refused' },
        { id: 'tester:p1:1', reason: 'crashed' },
      ],
    );
    assert.equal(starts, FAST.attempts);
  });

  property('a message that is redelivered after an unclean take-over has all of its attempts', async (bench) => {
    let starts = 0;
    const seen: string[] = [];
    const definition: ActorDefinition = actor((body, { message: { round } }) => {
      seen.push(body);
      if (body !== 'bad') return done();
      if (round === 0) return reject('refused', 'not yet');
      starts++;
      return retry({ because: 'no' });
    });
    const first = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: 'bad', id: 'p1' });
    await until('it is dead', async () => (await bench.messages('DEAD_LETTERS')).length === 1);
    first.kill();
    const second = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'b', body: 'alive' });
    await until('the unit is taken over', () => seen.includes('alive'));
    await redeliver(bench, { seq: 1, messageId: 'p1' });
    await until('it is dead again', async () => (await bench.deadLetters()).length === 2);
    assert.equal(starts, FAST.attempts);
    await second.stop();
  });

  property('redelivered messages of one key run in their order and with their priority', async (bench) => {
    const seen: string[] = [];
    let isRefusing = true;
    const definition = actor((body, { message: { priority } }) => {
      if (isRefusing) return reject('refused', 'not yet');
      seen.push(`${priority} ${body}`);
      return done();
    });
    const running = bench.start([definition]);
    for (let i = 1; i <= 4; i++) await bench.send({ actor: 'tester', key: 'a', body: String(i), id: `d${i}`, priority: 'critical' });
    await until('all are dead', async () => (await bench.messages('DEAD_LETTERS')).length === 4);
    await running.stop();
    isRefusing = false;
    for (let i = 1; i <= 4; i++) await redeliver(bench, { seq: i, messageId: `d${i}`, priority: 'critical' });
    const second = bench.start([definition]);
    await until('all ran again', () => seen.length === 4);
    assert.deepEqual(seen, ['critical 1', 'critical 2', 'critical 3', 'critical 4']);
    await second.stop();
  });
}

async function redeliver(bench: ConformanceBench, row: { seq: number; messageId: string; priority?: Priority }): Promise<void> {
  await bench.adopt({
    actor: 'tester',
    partition: 0,
    stream: 'DEAD_LETTERS',
    priority: 'default',
    key: 'a',
    attempts: 0,
    dueAt: Date.now(),
    because: 'redelivered',
    history: [],
    ...row,
  });
}

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { type ActorDefinition } from '../define-actor.ts';
import { done } from '../verdict.ts';
import { actor, until, type Property } from './bench.ts';

/** Crashes, hand-overs and thefts. */
export function describeTakeOver(property: Property): void {
  property('what was in flight at a kill comes again, first and in order, and nothing settled comes twice', async (bench) => {
    const handled: string[] = [];
    const started: string[] = [];
    let isHanging = true;
    const definition = actor(async (body, context) => {
      started.push(body);
      if (isHanging && body === 'a2') await new Promise(() => undefined);
      await wait(1);
      context.record({ body });
      handled.push(body);
      return done();
    });
    const first = bench.start([definition]);
    const seqs = new Map<string, number>();
    for (const body of ['a1', 'a2', 'a3', 'b1', 'a4', 'a5', 'b2'])
      seqs.set(body, (await bench.send({ actor: 'tester', key: body[0]!, body })).seq);
    await until('b is done and a hangs', () => handled.includes('b2') && started.includes('a2'));
    const ended = ['a1', 'b1', 'b2'].map((body) => seqs.get(body)!);
    await until('what ended is settled', async () => await bench.isSettled('tester', 'default', 0, ended));
    first.kill();
    isHanging = false;
    const before = started.length;
    const second = bench.start([definition]);
    await until('all are done', () => handled.length === 7);
    assert.deepEqual(started.slice(before), ['a2', 'a3', 'a4', 'a5']);
    await second.stop();
    assert.deepEqual(await bench.suspects(), []);
  });

  property('an owner that lost its unit settles nothing and sends nothing', async (bench) => {
    let release: () => void = () => undefined;
    const seen: string[] = [];
    const definition = (name: string): ActorDefinition =>
      actor(async (body, context) => {
        seen.push(`${name}:${body}`);
        if (name === 'old') await new Promise<void>((resolve) => (release = resolve));
        context.emit({
          id: `${context.message.id}/${name}`,
          subject: bench.subjectTo('listener', 'a'),
          key: 'a',
          headers: {},
          body: Buffer.from(name),
        });
        return done();
      });
    // The old owner does not notice for a long time, as after a SIGSTOP; the record takes its name's next life as the owner.
    const old = bench.start([definition('old')], { owner: 'same', timing: { renewMs: 60_000, leaseMs: 120_000, fenceMs: 100_000 } });
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('the old one has it', () => seen.includes('old:x'));
    const young = bench.start([definition('new')], { owner: 'same' });
    await until('the new one did it', async () => (await bench.messages('COMMANDS')).some(({ id }) => id === 'm1/new'));
    release();
    await old.stop(100);
    await young.stop();
    assert.ok(!(await bench.messages('COMMANDS')).some(({ id }) => id === 'm1/old'));
  });

  property('a stop lets what runs end, leaves the rest, and hands over without suspects', async (bench) => {
    const seen: string[] = [];
    const definition = actor(
      async (body) => {
        await wait(50);
        seen.push(body);
        return done();
      },
      { slots: 1 },
    );
    const first = bench.start([definition], { owner: 'first' });
    for (let i = 0; i < 5; i++) await bench.send({ actor: 'tester', key: `k${i}`, body: String(i) });
    await until('one is done', () => seen.length >= 1);
    await first.stop();
    const stopped = seen.length;
    assert.ok(stopped < 5);
    await wait(100);
    assert.equal(seen.length, stopped, 'something ran after the stop');
    const second = bench.start([definition], { owner: 'second' });
    await until('all are done', () => seen.length === 5);
    assert.deepEqual([...seen].sort(), ['0', '1', '2', '3', '4']);
    assert.deepEqual(await bench.suspects(), []);
    await second.stop();
  });

  property('a suspect that is left behind by an orderly stop is no suspect any more', async (bench) => {
    let isHanging = true;
    let starts = 0;
    const seen: string[] = [];
    const definition = actor(async (body) => {
      starts++;
      if (isHanging) await new Promise(() => undefined);
      seen.push(body);
      return done();
    });
    const first = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x' });
    await until('it runs', () => starts === 1);
    first.kill();
    const second = bench.start([definition]);
    await until('it runs as a suspect', () => starts === 2);
    assert.equal((await bench.suspects()).length, 1);
    await second.stop(20);
    assert.deepEqual(await bench.suspects(), []);
    isHanging = false;
    const third = bench.start([definition]);
    await until('it is done', () => seen.length === 1);
    await third.stop();
  });

  property('a delivery that somebody else took comes back, in order', async (bench) => {
    const seen: string[] = [];
    const running = bench.start(
      [
        actor((body) => {
          seen.push(body);
          return done();
        }),
      ],
      { timing: { pullExpiresMs: 100 } },
    );
    await bench.send({ actor: 'tester', key: 'a', body: '0' });
    await until('the lane runs', () => seen.length === 1);
    for (let i = 1; i < 40; i++) {
      if (i % 10 === 5) await bench.steal('tester', 'default', 0);
      await bench.send({ actor: 'tester', key: 'a', body: String(i) });
    }
    await until('all are handled', () => seen.length === 40);
    assert.deepEqual(
      seen,
      Array.from({ length: 40 }, (_, i) => String(i)),
    );
    await running.stop();
  });

  property('the last message of all comes back too when somebody else took it', async (bench) => {
    const seen: string[] = [];
    const running = bench.start(
      [
        actor((body) => {
          seen.push(body);
          return done();
        }, {}),
      ],
      { timing: { pullExpiresMs: 100 } },
    );
    await bench.send({ actor: 'tester', key: 'a', body: '0' });
    await until('the lane runs', () => seen.length === 1);
    await bench.steal('tester', 'default', 0);
    await bench.send({ actor: 'tester', key: 'a', body: '1' });
    await until('it came', () => seen.length === 2);
    assert.deepEqual(seen, ['0', '1']);
    await running.stop();
  });
}

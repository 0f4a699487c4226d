import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { Priority } from '../core/priority.ts';
import { type ActorContext, type ActorDefinition, defineActor, EffectFailed, InvalidInput } from './define-actor.ts';
import type { Message } from './message.ts';
import type { DeadLetter, ParkedRow, SuspectStart } from './record-port.ts';
import type { RuntimeStatus, RuntimeTiming } from './runtime.ts';
import { done, park, reject, retry, type Verdict } from './verdict.ts';

/**
 * What every broker and record under the runtime must make true, as named properties. The same suite runs against the
 * simulated ones and against a real nats-server with a real PostgreSQL.
 */
export interface ConformanceBench {
  /** Publishes a command to an actor. */
  send(command: { actor: string; key: string; body: string; priority?: Priority; id?: string }): Promise<{ seq: number }>;
  start(actors: readonly ActorDefinition[], options?: { owner?: string; timing?: Partial<RuntimeTiming> }): RunningActors;
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Every message of a stream, in order. */
  messages(stream: 'COMMANDS' | 'DEAD_LETTERS' | 'ADVISORIES'): Promise<readonly Message[]>;
  parked(): Promise<readonly ParkedRow[]>;
  suspects(): Promise<readonly SuspectStart[]>;
  effect(id: string): Promise<{ state: string; repeats: number } | undefined>;
  outboxSize(): Promise<number>;
  /** Parks a row for an actor's unit from outside. */
  adopt(row: Omit<ParkedRow, 'unit'> & { actor: string; partition: number }): Promise<void>;
  /** Takes the next delivery of an actor's lane away from its owner, as a frozen process's open pull does. */
  steal(actor: string, priority: Priority, partition: number): Promise<void>;
  /** A subject on COMMANDS addressed to an actor. */
  subjectTo(actor: string, key: string): string;
}

export interface RunningActors {
  stop(drainMs?: number): Promise<void>;
  /** As kill -9 does: from now on nothing goes in or out. */
  kill(): void;
  status(): RuntimeStatus;
}

type OpenBench = (t: TestContext) => Promise<ConformanceBench>;

const FAST = { attempts: 4, delayMs: () => 20 };

/** Polls until the condition holds; fails with its text after 15 s, far above anything these properties need. */
async function until(text: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 15_000; !(await condition()); await wait(5))
    if (performance.now() > deadline) assert.fail(`did not happen within 15 s: ${text}`);
}

function bodyOf(message: Message): string {
  return Buffer.from(message.body).toString('utf8');
}

function actor(receive: (body: string, context: ActorContext) => Promise<Verdict> | Verdict, rest: Partial<ActorDefinition<string>> = {}): ActorDefinition {
  return defineActor<string>({
    name: 'tester',
    partitions: 1,
    start: 'beginning',
    retry: FAST,
    timeoutMs: 5_000,
    input: (message) => {
      const body = bodyOf(message);
      if (body === 'unreadable') throw new InvalidInput('expected a word, got "unreadable"', { path: '' });
      return body;
    },
    receive: async (body, context) => await receive(body, context),
    ...rest,
  }) as ActorDefinition;
}

export function describeConformance(kind: string, open: OpenBench): void {
  const property = (name: string, run: (bench: ConformanceBench, t: TestContext) => Promise<void>): void => {
    test(`${kind}: ${name}`, async (t) => await run(await open(t), t));
  };

  property('one key runs one at a time and in order, other keys run beside it', async (bench) => {
    const open = new Map<string, number>();
    const seen = new Map<string, string[]>();
    let together = 0;
    let most = 0;
    const running = bench.start([
      actor(async (body, { message: { key } }) => {
        open.set(key, (open.get(key) ?? 0) + 1);
        assert.equal(open.get(key), 1, `two of key ${key} at once`);
        most = Math.max(most, ++together);
        await wait(2);
        seen.set(key, [...(seen.get(key) ?? []), body]);
        together--;
        open.set(key, 0);
        return done();
      }),
    ]);
    for (let i = 0; i < 100; i++) await bench.send({ actor: 'tester', key: `k${i % 10}`, body: String(i) });
    await until('all are handled', () => [...seen.values()].flat().length === 100);
    for (const bodies of seen.values()) assert.deepEqual(bodies, [...bodies].sort((a, b) => Number(a) - Number(b)));
    assert.ok(most > 1, 'keys ran beside each other');
    await running.stop();
  });

  property('a failing head holds its key in order and no other key', async (bench) => {
    const seen: string[] = [];
    const running = bench.start([
      actor((body, { attempt }) => {
        if (body === 'a1' && attempt < 4) return retry({ because: 'not yet' });
        seen.push(body);
        return done();
      }, { retry: { attempts: 5, delayMs: () => 150 } }),
    ]);
    for (const body of ['a1', 'a2', 'b1', 'a3', 'b2']) await bench.send({ actor: 'tester', key: body[0]!, body });
    await until('b is done', () => seen.includes('b2'));
    assert.ok(!seen.includes('a1') && !seen.includes('a2'));
    await until('a waits as rows', async () => (await bench.parked()).length === 3);
    await bench.send({ actor: 'tester', key: 'a', body: 'a4' });
    await until('a is done', () => seen.includes('a4'));
    assert.deepEqual(seen.filter((body) => body.startsWith('a')), ['a1', 'a2', 'a3', 'a4']);
    await until('nothing waits', async () => (await bench.parked()).length === 0);
    await running.stop();
  });

  property('a long queue behind a waiting head keeps its order, also across a kill', async (bench) => {
    const seen: string[] = [];
    let isOpen = false;
    const definition = actor((body, { message }) => {
      if (!isOpen) return retry({ because: 'closed' });
      if (message.key === 'a') seen.push(body);
      return done();
    }, { retry: { attempts: 1_000, delayMs: () => 50 } });
    const first = bench.start([definition]);
    for (let i = 0; i < 300; i++) await bench.send({ actor: 'tester', key: 'a', body: String(i) });
    await until('all wait', async () => (await bench.parked()).length === 300);
    first.kill();
    isOpen = true;
    const second = bench.start([definition]);
    await bench.send({ actor: 'tester', key: 'a', body: '300' });
    await until('all are handled', () => seen.length === 301);
    assert.deepEqual(seen, Array.from({ length: 301 }, (_, i) => String(i)));
    await second.stop();
  });

  property('attempts end in one dead letter with its history, its copy and an advisory, and free the key', async (bench) => {
    const seen: string[] = [];
    const running = bench.start([
      actor((body) => {
        seen.push(body);
        return body === 'bad' ? retry({ because: 'no', detail: { status: 500 } }) : done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'bad', id: 'bad-one' });
    await bench.send({ actor: 'tester', key: 'a', body: 'good' });
    await until('the key goes on', () => seen.includes('good'));
    assert.equal(seen.filter((body) => body === 'bad').length, 4);
    const [letter, ...more] = await bench.deadLetters();
    assert.equal(more.length, 0);
    assert.equal(letter?.id, 'tester:bad-one:0');
    assert.equal(letter.reason, 'exhausted');
    assert.deepEqual(letter.history.map(({ attempt }) => attempt), [1, 2, 3, 4]);
    assert.deepEqual(letter.detail, { status: 500 });
    await until('the copy and the advisory are out', async () => (await bench.messages('DEAD_LETTERS')).length === 1 && (await bench.messages('ADVISORIES')).length === 1);
    const [copy] = await bench.messages('DEAD_LETTERS');
    assert.equal(bodyOf(copy!), 'bad');
    assert.equal(copy!.subject, 'dead.tester.exhausted');
    await until('the outbox is empty', async () => (await bench.outboxSize()) === 0);
    await running.stop();
  });

  property('a rejection and an input that does not fit are dead letters at once, and stop nobody', async (bench) => {
    const seen: string[] = [];
    const running = bench.start([
      actor((body) => {
        seen.push(body);
        return body === 'refuse' ? reject('refused', 'the answer was no', { answer: 'no' }) : done();
      }),
    ]);
    for (const body of ['refuse', 'unreadable', 'good']) await bench.send({ actor: 'tester', key: 'a', body });
    await until('the key goes on', () => seen.includes('good'));
    const letters = await bench.deadLetters();
    assert.deepEqual(letters.map(({ reason }) => reason).sort(), ['invalid', 'refused']);
    assert.deepEqual(seen, ['refuse', 'good']);
    await running.stop();
  });

  property('a redelivered dead letter runs again as what it was, one round further', async (bench) => {
    let isMended = false;
    const seen: string[] = [];
    const running = bench.start([
      actor((body, { message }) => {
        if (!isMended) return reject('refused', 'not yet');
        seen.push(`${message.id}:${body}:${message.round}`);
        return done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('it is dead', async () => (await bench.messages('DEAD_LETTERS')).length === 1);
    isMended = true;
    await bench.adopt({ actor: 'tester', partition: 0, stream: 'DEAD_LETTERS', seq: 1, priority: 'default', key: 'a', messageId: 'm1', attempts: 0, dueAt: 0, because: 'redelivered', history: [] });
    await until('it ran again', () => seen.length === 1);
    assert.deepEqual(seen, ['m1:x:1']);
    await until('nothing waits', async () => (await bench.parked()).length === 0);
    await running.stop();
  });

  property('outputs leave after the settling, once, and a turn that is tried again sends nothing', async (bench) => {
    const sent = (context: ActorContext, body: string): void =>
      context.emit({ id: `${context.message.id}/out`, subject: bench.subjectTo('listener', context.message.key), key: context.message.key, headers: {}, body: Buffer.from(body) });
    const running = bench.start([
      actor((body, context) => {
        sent(context, `${body} at ${context.attempt}`);
        return context.attempt < 3 ? retry({ because: 'again' }) : done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('it is out and forgotten', async () => (await bench.messages('COMMANDS')).length === 2 && (await bench.outboxSize()) === 0);
    const out = (await bench.messages('COMMANDS'))[1]!;
    assert.equal(out.id, 'm1/out');
    assert.equal(bodyOf(out), 'x at 3');
    await running.stop();
  });

  property('an effect that is recorded as done is not run again', async (bench) => {
    let runs = 0;
    const results: unknown[] = [];
    const running = bench.start([
      actor(async (_body, context) => {
        results.push(await context.effect('pay', async () => ({ receipt: ++runs })));
        return context.attempt < 2 ? retry({ because: 'after the effect' }) : done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('both attempts ran', () => results.length === 2);
    assert.equal(runs, 1);
    assert.deepEqual(results, [{ receipt: 1 }, { receipt: 1 }]);
    await running.stop();
  });

  property('an effect that certainly did not happen is tried again', async (bench) => {
    const keys: string[] = [];
    const running = bench.start([
      actor(async (_body, context) => {
        await context.effect('pay', ({ idempotencyKey }) => {
          keys.push(idempotencyKey);
          if (keys.length < 3) throw new EffectFailed('503');
          return Promise.resolve('ok');
        });
        return done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('it is done', async () => (await bench.effect('m1/pay'))?.state === 'done');
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    await running.stop();
  });

  for (const onUnknown of ['hold', 'repeat'] as const)
    property(`an effect in flight at a kill is unknown; the rule says ${onUnknown}`, async (bench) => {
      const tries: boolean[] = [];
      const after: string[] = [];
      let isHanging = true;
      const definition = actor(async (body, context) => {
        if (body === 'next') after.push(body);
        else
          await context.effect('pay', async ({ repeated }) => {
            tries.push(repeated);
            if (isHanging) await new Promise(() => undefined);
            return 'ok';
          }, { onUnknown });
        return done();
      });
      const first = bench.start([definition]);
      await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
      await until('the effect began', () => tries.length === 1);
      first.kill();
      isHanging = false;
      const second = bench.start([definition]);
      await bench.send({ actor: 'tester', key: 'a', body: 'next' });
      await until('the key goes on', () => after.length === 1);
      await until('the ledger knows', async () => (await bench.effect('m1/pay'))?.state === (onUnknown === 'hold' ? 'held' : 'done'));
      assert.deepEqual(tries, onUnknown === 'hold' ? [false] : [false, true]);
      await second.stop();
    });

  property('what was in flight at a kill comes again, first and in order, and nothing settled comes twice', async (bench) => {
    const settled: string[] = [];
    const started: string[] = [];
    let isHanging = true;
    const definition = actor(async (body, context) => {
      started.push(body);
      if (isHanging && body === 'a2') await new Promise(() => undefined);
      await wait(1);
      context.record({ body });
      settled.push(body);
      return done();
    });
    const first = bench.start([definition]);
    for (const body of ['a1', 'a2', 'a3', 'b1', 'a4', 'a5', 'b2']) await bench.send({ actor: 'tester', key: body[0]!, body });
    await until('b is done and a hangs', () => settled.includes('b2') && started.includes('a2'));
    await until('b is settled', async () => (await bench.parked()).length === 0);
    await wait(100);
    first.kill();
    isHanging = false;
    const before = started.length;
    const second = bench.start([definition]);
    await until('all are done', () => settled.length === 7);
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
        context.emit({ id: `${context.message.id}/${name}`, subject: bench.subjectTo('listener', 'a'), key: 'a', headers: {}, body: Buffer.from(name) });
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

  property('a handler that does not return is aborted, counted, and given up', async (bench) => {
    const signals: AbortSignal[] = [];
    const seen: string[] = [];
    const running = bench.start([
      actor(async (body, { signal }) => {
        if (body === 'hang') {
          signals.push(signal);
          await new Promise(() => undefined);
        }
        seen.push(body);
        return done();
      }, { timeoutMs: 50, retry: { attempts: 2, delayMs: () => 10 } }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'hang' });
    await bench.send({ actor: 'tester', key: 'b', body: 'neighbour' });
    await bench.send({ actor: 'tester', key: 'a', body: 'after' });
    await until('the key goes on', () => seen.includes('after'));
    assert.equal(signals.length, 2);
    assert.ok(signals.every(({ aborted }) => aborted));
    assert.deepEqual((await bench.deadLetters()).map(({ reason }) => reason), ['exhausted']);
    await running.stop();
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
    for (let i = 0; i < 200; i++) await bench.send({ actor: 'tester', key: `b${i}`, body: 'bulk', priority: 'bulk' });
    const running = bench.start([
      actor(async (body) => {
        await wait(3);
        seen.push(body);
        return done();
      }, { slots: 2 }),
    ]);
    await until('bulk runs', () => seen.length >= 10);
    const before = seen.length;
    await bench.send({ actor: 'tester', key: 'c', body: 'critical', priority: 'critical' });
    await until('critical is done', () => seen.includes('critical'));
    assert.ok(seen.indexOf('critical') - before < 20, `critical waited for ${seen.indexOf('critical') - before} bulk messages`);
    await until('bulk is done', () => seen.length === 201);
    await running.stop();
  });

  property('a stop lets what runs end, leaves the rest, and hands over without suspects', async (bench) => {
    const seen: string[] = [];
    const definition = actor(async (body) => {
      await wait(50);
      seen.push(body);
      return done();
    }, { slots: 1 });
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

  property('a delivery that somebody else took comes back, in order', async (bench) => {
    const seen: string[] = [];
    const running = bench.start([
      actor((body) => {
        seen.push(body);
        return done();
      }),
    ], { timing: { pullExpiresMs: 100 } });
    await bench.send({ actor: 'tester', key: 'a', body: '0' });
    await until('the lane runs', () => seen.length === 1);
    for (let i = 1; i < 40; i++) {
      if (i % 10 === 5) await bench.steal('tester', 'default', 0);
      await bench.send({ actor: 'tester', key: 'a', body: String(i) });
    }
    await until('all are handled', () => seen.length === 40);
    assert.deepEqual(seen, Array.from({ length: 40 }, (_, i) => String(i)));
    await running.stop();
  });

  property('the last message of all comes back too when somebody else took it', async (bench) => {
    const seen: string[] = [];
    const running = bench.start([
      actor((body) => {
        seen.push(body);
        return done();
      }, {}),
    ], { timing: { pullExpiresMs: 100 } });
    await bench.send({ actor: 'tester', key: 'a', body: '0' });
    await until('the lane runs', () => seen.length === 1);
    await bench.steal('tester', 'default', 0);
    await bench.send({ actor: 'tester', key: 'a', body: '1' });
    await until('it came', () => seen.length === 2);
    assert.deepEqual(seen, ['0', '1']);
    await running.stop();
  });

  property('a message that kills its process each time is dead-lettered after its attempts, and no neighbour is', async (bench) => {
    const starts: string[] = [];
    const handled: string[] = [];
    let kill: () => void = () => undefined;
    const definition = actor(async (body) => {
      starts.push(body);
      if (body === 'poison') {
        kill();
        await new Promise(() => undefined);
      }
      await wait(1);
      handled.push(body);
      return done();
    });
    await bench.send({ actor: 'tester', key: 'a', body: 'poison', id: 'p1' });
    for (let i = 0; i < 6; i++) await bench.send({ actor: 'tester', key: `n${i}`, body: `n${i}` });
    await bench.send({ actor: 'tester', key: 'a', body: 'after' });
    for (let life = 0; life < 10 && (await bench.deadLetters()).length === 0; life++) {
      let isDead = false;
      const running = bench.start([definition]);
      kill = () => {
        isDead = true;
        running.kill();
      };
      await until('it is killed or the poison is dead', async () => isDead || (await bench.deadLetters()).length > 0);
      if (!isDead) {
        await until('the key goes on', () => handled.includes('after'));
        await running.stop();
      }
    }
    assert.deepEqual((await bench.deadLetters()).map(({ messageId, reason }) => ({ messageId, reason })), [{ messageId: 'p1', reason: 'crashed' }]);
    assert.equal(starts.filter((body) => body === 'poison').length, 4);
    assert.deepEqual([...new Set(handled)].sort(), ['after', 'n0', 'n1', 'n2', 'n3', 'n4', 'n5']);
  });
}

import assert from 'node:assert/strict';
import { done, reject, retry } from '../verdict.ts';
import { actor, bodyOf, until, type Property } from './bench.ts';

/** Attempts, dead letters and redelivery. */
export function describeFailures(property: Property): void {
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
    assert.deepEqual(
      letter.history.map(({ attempt }) => attempt),
      [1, 2, 3, 4],
    );
    assert.deepEqual(letter.detail, { status: 500 });
    await until(
      'the copy and the advisory are out',
      async () => (await bench.messages('DEAD_LETTERS')).length === 1 && (await bench.messages('ADVISORIES')).length === 1,
    );
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
    await bench.adopt({
      actor: 'tester',
      partition: 0,
      stream: 'DEAD_LETTERS',
      seq: 1,
      priority: 'default',
      key: 'a',
      messageId: 'm1',
      attempts: 0,
      dueAt: 0,
      because: 'redelivered',
      history: [],
    });
    await until('it ran again', () => seen.length === 1);
    assert.deepEqual(seen, ['m1:x:1']);
    await until('nothing waits', async () => (await bench.parked()).length === 0);
    await running.stop();
  });

  property('a handler that does not return is aborted, counted, and given up', async (bench) => {
    const signals: AbortSignal[] = [];
    const seen: string[] = [];
    const running = bench.start([
      actor(
        async (body, { signal }) => {
          if (body === 'hang') {
            signals.push(signal);
            await new Promise(() => undefined);
          }
          seen.push(body);
          return done();
        },
        { timeoutMs: 50, retry: { attempts: 2, delayMs: () => 10 } },
      ),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'hang' });
    await bench.send({ actor: 'tester', key: 'b', body: 'neighbour' });
    await bench.send({ actor: 'tester', key: 'a', body: 'after' });
    await until('the key goes on', () => seen.includes('after'));
    assert.equal(signals.length, 2);
    assert.ok(signals.every(({ aborted }) => aborted));
    assert.deepEqual(
      (await bench.deadLetters()).map(({ reason }) => reason),
      ['exhausted'],
    );
    await running.stop();
  });
}

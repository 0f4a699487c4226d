import assert from 'node:assert/strict';
import type { ActorDefinition } from '../define-actor.ts';
import { done } from '../verdict.ts';
import { actor, bodyOf, type ConformanceBench, type Property, until } from './bench.ts';

/** `later <id> <ms>` emits `due <id>` to itself with that delay; `now` is told at once. */
function emitting(bench: ConformanceBench, told: { readonly body: string; readonly at: number }[]): ActorDefinition {
  return actor((body, context) => {
    const [word, id, ms] = body.split(' ');
    if (word === 'later')
      context.emit({
        id: `timer/${id}`,
        subject: bench.subjectTo('tester', context.message.key),
        key: context.message.key,
        headers: { 'Vis-Extra': 'kept' },
        body: Buffer.from(`due ${id}`),
        dueAt: Date.now() + Number(ms),
      });
    else told.push({ body, at: Date.now() });
    return done();
  });
}

/** Outputs with a time. */
export function describeTimers(property: Property): void {
  property('an output with a time is published when it is due and not before, each once', async (bench) => {
    const told: { body: string; at: number }[] = [];
    const begun = Date.now();
    const running = bench.start([emitting(bench, told)]);
    await bench.send({ actor: 'tester', key: 'a', body: 'later second 900' });
    await bench.send({ actor: 'tester', key: 'a', body: 'later first 300' });
    await bench.send({ actor: 'tester', key: 'a', body: 'now' });
    await until('both are told', () => told.length === 3);
    assert.deepEqual(
      told.map(({ body }) => body),
      ['now', 'due first', 'due second'],
    );
    assert.ok(told[1]!.at - begun >= 300 && told[2]!.at - begun >= 900, 'one was early');
    // What was published leaves the store: it is not told again.
    await bench.send({ actor: 'tester', key: 'a', body: 'end' });
    await until('the end', () => told.length === 4);
    await running.stop();
    const messages = await bench.messages('COMMANDS');
    assert.equal(messages.length, 6);
    const due = messages.find((message) => bodyOf(message) === 'due first');
    assert.deepEqual([due?.id, due?.key, due?.headers['Vis-Extra']], ['timer/first', 'a', 'kept']);
  });

  property('a timer outlives its owner, and the next one fires it once', async (bench) => {
    const told: { body: string; at: number }[] = [];
    const first = bench.start([emitting(bench, told)]);
    await bench.send({ actor: 'tester', key: 'a', body: 'later x 600' });
    await bench.send({ actor: 'tester', key: 'a', body: 'settled behind it' });
    await bench.send({ actor: 'tester', key: 'a', body: 'next' });
    const isTold = (body: string) => (): boolean => told.some((each) => each.body === body);
    // A key's next message begins when the one before is settled; it may not be itself when its owner is killed.
    await until('what was before is settled', isTold('next'));
    first.kill();
    const second = bench.start([emitting(bench, told)]);
    await until('it is told', isTold('due x'));
    await second.stop();
    const third = bench.start([emitting(bench, told)]);
    await bench.send({ actor: 'tester', key: 'a', body: 'end' });
    await until('the end', isTold('end'));
    await third.stop();
    assert.deepEqual(
      told.map(({ body }) => body).filter((body) => body !== 'next'),
      ['settled behind it', 'due x', 'end'],
    );
  });
}

import assert from 'node:assert/strict';
import type { ActorDefinition } from '../define-actor.ts';
import { done } from '../verdict.ts';
import { actor, bodyOf, type ConformanceBench, type Property, until } from './bench.ts';

interface Told {
  readonly body: string;
  /** 0: at once, or of another owner. */
  readonly dueAt: number;
  readonly at: number;
}

/** `later <id> <ms>` emits `due <id>` to itself with that delay; `now` is told at once. */
function emitting(bench: ConformanceBench, told: Told[]): ActorDefinition {
  const dueAt = new Map<string, number>();
  return actor((body, context) => {
    const [word, id = '', ms] = body.split(' ');
    if (word === 'later') {
      dueAt.set(id, Date.now() + Number(ms));
      context.emit({
        id: `timer/${id}`,
        subject: bench.subjectTo('tester', context.message.key),
        key: context.message.key,
        headers: { 'Vis-Extra': 'kept' },
        body: Buffer.from(`due ${id}`),
        dueAt: dueAt.get(id)!,
      });
    } else told.push({ body, dueAt: dueAt.get(id) ?? 0, at: Date.now() });
    return done();
  });
}

/** Outputs with a time. */
export function describeTimers(property: Property): void {
  property('an output with a time is published when it is due and not before, each once', async (bench) => {
    const told: Told[] = [];
    for (const body of ['later second 900', 'later first 300', 'now']) await bench.send({ actor: 'tester', key: 'a', body });
    const running = bench.start([emitting(bench, told)]);
    await until('all are told', () => told.length === 3);
    // In the order of their times, however long the handlers took to ask for them.
    const inTime = told.toSorted((a, b) => a.dueAt - b.dueAt).map(({ body }) => body);
    assert.deepEqual(inTime.toSorted(), ['due first', 'due second', 'now']);
    assert.deepEqual(
      told.map(({ body }) => body).filter((body) => body !== 'now'),
      inTime.filter((body) => body !== 'now'),
    );
    for (const { body, dueAt, at } of told) assert.ok(at >= dueAt, `${body} was early`);
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
    const told: Told[] = [];
    for (const body of ['later x 2000', 'settled behind it', 'next']) await bench.send({ actor: 'tester', key: 'a', body });
    const first = bench.start([emitting(bench, told)]);
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

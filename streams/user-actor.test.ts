import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ActorContext, type ActorDefinition, defineActor } from '../lib/actor/define-actor.ts';
import type { Message } from '../lib/actor/message.ts';
import { done, reject } from '../lib/actor/verdict.ts';
import { systemClock } from '../lib/core/clock.ts';
import { HEADERS } from '../lib/core/headers.ts';
import { lanesOfActor } from './actor-lanes.ts';
import { OTHER_TYPE } from './type-limiter.ts';
import { asUserActor } from './user-actor.ts';

const handled: string[] = [];
const own = defineActor<string>({
  name: 'own',
  types: ['order.paid'],
  partitions: 16,
  input: ({ id }) => id,
  key: (input) => ['refined', input],
  retry: { attempts: 1, delayMs: () => 0 },
  timeoutMs: 1_000,
  receive(input) {
    handled.push(input);
    return Promise.resolve(input === 'bad' ? reject('invalid', 'bad') : done());
  },
}) as ActorDefinition;

function message(id: string, subject: string, type: string): Message {
  const headers = { [HEADERS.ceType]: type };
  return { id, key: 'k', priority: 'default', stream: 'ANY', seq: 1, subject, headers, body: new Uint8Array(), storedAt: 0, round: 0 };
}

/** Handles a message; gives the verdict, the mailbox and what was recorded. */
async function handle(given: Message) {
  const actor = asUserActor(own, systemClock);
  const rows: unknown[] = [];
  const context = { message: given, record: (row: unknown) => void rows.push(row) } as unknown as ActorContext;
  const input = actor.input(given);
  const verdict = await actor.receive(input, context);
  return { verdict: verdict.kind, key: actor.key?.(input, given), rows };
}

test('a lane asks for the types that its actor wants, and for what a subject shows of too many', () => {
  const [lane] = lanesOfActor(own, 3);
  assert.deepEqual(lane?.spec.filterSubjects, ['events.critical.3.*.order.paid', `events.critical.3.*.${OTHER_TYPE}`]);
  const both = lanesOfActor({ ...own, reads: ['events', 'commands'] }, 3).slice(0, 2);
  assert.deepEqual(
    both.flatMap(({ spec }) => spec.filterSubjects),
    ['events.critical.3.*.order.paid', `events.critical.3.*.${OTHER_TYPE}`, 'commands.critical.3.own'],
  );
});

test('an event of another type that comes through the filter is done without the actor', async () => {
  handled.length = 0;
  const { verdict, key, rows } = await handle(message('e1', `events.default.3.shop.${OTHER_TYPE}`, 'order.refunded'));
  assert.deepEqual([verdict, key, rows, handled], ['done', 'k', [], []]);
});

test('an event that the actor is done with has an outcome; one that it rejects and a command have none', async () => {
  handled.length = 0;
  const { rows, key } = await handle(message('e2', `events.default.3.shop.${OTHER_TYPE}`, 'order.paid'));
  assert.deepEqual(
    (rows as { messageId: string; actor: string; outcome: string }[]).map(({ messageId, actor, outcome }) => [messageId, actor, outcome]),
    [['e2', 'own', 'handled']],
  );
  assert.deepEqual(key, ['refined', 'e2']);
  assert.deepEqual((await handle(message('bad', 'events.default.3.shop.order.paid', 'order.paid'))).rows, []);
  assert.deepEqual((await handle(message('c1', 'commands.default.3.own', 'greet'))).rows, []);
  assert.deepEqual(handled, ['e2', 'bad', 'c1']);
});

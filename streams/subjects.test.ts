import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../lib/dev/fast-check.ts';
import { PRIORITIES } from '../lib/core/priority.ts';
import { SLOTS } from '../lib/core/slot.ts';
import { anyText } from '../lib/dev/any-text.ts';
import {
  advisorySubject,
  commandSubject,
  deadSubject,
  eventFilter,
  eventSubject,
  parseSubject,
  rejectedFilter,
  rejectedSubject,
  typeTokens,
} from './subjects.ts';

const token = fc.stringMatching(/^[a-z0-9_-]{1,64}$/);
const place = { priority: fc.constantFrom(...PRIORITIES), slot: fc.integer({ min: 0, max: SLOTS - 1 }) };

test('what is built is parsed again: events, whatever their type', () => {
  fc.assert(
    fc.property(fc.record({ ...place, source: token, type: anyText({ maxLength: 300 }) }), (event) => {
      assert.deepEqual(parseSubject(eventSubject(event)), { kind: 'event', ...event, type: typeTokens(event.type) });
    }),
  );
});

test('what is built is parsed again: commands, dead letters, advisories, rejected requests', () => {
  fc.assert(
    fc.property(fc.record({ ...place, actor: token }), token, (command, reason) => {
      assert.deepEqual(parseSubject(commandSubject(command)), { kind: 'command', ...command });
      assert.deepEqual(parseSubject(deadSubject(command.actor, reason)), { kind: 'dead', actor: command.actor, reason });
      assert.deepEqual(parseSubject(advisorySubject(reason, command.actor)), { kind: 'advisory', advisory: reason, actor: command.actor });
      assert.deepEqual(parseSubject(rejectedSubject(command.actor, reason)), { kind: 'rejected', source: command.actor, reason });
    }),
  );
});

test('a type becomes at most 6 tokens of [a-z0-9_-] and 96 characters, and stays what it is when done twice', () => {
  const anyType = fc.oneof(
    anyText({ maxLength: 300 }),
    fc.array(fc.string({ maxLength: 40 }), { maxLength: 12 }).map((parts) => parts.join('.')),
  );
  fc.assert(
    fc.property(anyType, (type) => {
      const tokens = typeTokens(type);
      assert.match(tokens, /^[a-z0-9_-]+(\.[a-z0-9_-]+){0,5}$/);
      assert.ok(tokens.length <= 96);
      assert.equal(typeTokens(tokens), tokens);
    }),
  );
});

test('rejected requests are chosen by source, by reason, by both or by none', () => {
  assert.equal(rejectedFilter({}), 'rejected.*.*');
  assert.equal(rejectedFilter({ source: 'github' }), 'rejected.github.*');
  assert.equal(rejectedFilter({ source: 'github', reason: 'too_old' }), 'rejected.github.too_old');
  assert.throws(() => rejectedFilter({ source: '>' }), /source: expected/);
});

test('types keep their shape where they can', () => {
  assert.equal(typeTokens('release.published'), 'release.published');
  assert.equal(typeTokens('com.Example/Order Paid'), 'com.example_order_paid');
  assert.equal(typeTokens(''), '_');
  assert.equal(typeTokens('a..b'), 'a._.b');
  assert.equal(typeTokens('a.b.c.d.e.f.g'), 'a.b.c.d.e.f');
  assert.equal(typeTokens('events.>'), 'events._');
  assert.equal(typeTokens(`${'x'.repeat(95)}.y`), 'x'.repeat(95));
});

test('a foreign subject is not parsed', () => {
  const foreign = [
    '',
    'events',
    'events.urgent.1.github.push',
    'events.bulk.16.github.push',
    'events.bulk.1.github',
    'events.bulk.1..push',
    'commands.bulk.1.slack.x',
    'dead.slack',
    'advisory.a.b.c',
    '$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.EVENTS.x',
    'events.bulk.0x1.github.push',
  ];
  for (const subject of foreign) assert.equal(parseSubject(subject), undefined, subject);
});

test('a name that is no token, and a slot that does not exist, are refused', () => {
  assert.throws(() => eventSubject({ priority: 'bulk', slot: 1, source: 'a.b', type: 'x' }), /source: expected/);
  assert.throws(() => commandSubject({ priority: 'bulk', slot: 16, actor: 'slack' }), /slot: expected 0 to 15, got 16/);
  assert.throws(() => deadSubject('slack', '*'), /reason: expected/);
  assert.throws(() => eventFilter('bulk', -1), TypeError);
});

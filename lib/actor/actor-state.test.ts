import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { MAX_STATE_BYTES, readState, type StateDefinition, writeState } from './actor-state.ts';
import { definitionProblems } from './check-definition.ts';
import { defineActor } from './define-actor.ts';
import type { StoredState } from './record-port.ts';
import { done } from './verdict.ts';

const Count = z.object({ count: z.number() });
const V3: StateDefinition = {
  version: 3,
  schema: Count,
  initial: { count: 0 },
  migrate: { 1: (old) => ({ n: old }), 2: (old) => ({ count: (old as { n: number }).n }) },
};
const stored = (version: number, value: unknown): StoredState => ({ version, json: JSON.stringify(value) });
const NOW = 1_000_000;

test('a key that has nothing has the initial state, a copy each time', () => {
  const first = readState(V3, undefined, NOW);
  assert.deepEqual(first, { value: { count: 0 } });
  assert.ok('value' in first);
  (first.value as { count: number }).count = 7;
  assert.deepEqual(readState(V3, undefined, NOW), { value: { count: 0 } });
  assert.deepEqual(readState(undefined, undefined, NOW), { value: undefined });
});

test('what is recorded goes through every migration behind its version', () => {
  assert.deepEqual(readState(V3, stored(3, { count: 4 }), NOW), { value: { count: 4 } });
  assert.deepEqual(readState(V3, stored(2, { n: 4 }), NOW), { value: { count: 4 }, migratedFrom: 2 });
  assert.deepEqual(readState(V3, stored(1, 4), NOW), { value: { count: 4 }, migratedFrom: 1 });
});

test('what cannot be read says why: a newer one waits, the others are given up', () => {
  const newer = readState(V3, stored(4, {}), NOW);
  assert.deepEqual('trouble' in newer && [newer.trouble, newer.verdict], [
    'newer',
    { kind: 'park', until: NOW + 10_000, because: "its key's state has version 4, and this process knows 3 at most" },
  ]);
  const misfit = readState(V3, stored(3, { count: 'x' }), NOW);
  assert.deepEqual('trouble' in misfit && misfit.verdict, {
    kind: 'reject',
    reason: 'invalid',
    because: "its key's state (version 3) does not fit: count: Invalid input: expected number, received string (got string)",
    detail: { stateVersion: 3, misfits: [{ path: 'count', expected: 'Invalid input: expected number, received string', got: 'string' }] },
  });
  const broken = readState(V3, stored(2, null), NOW);
  assert.ok('trouble' in broken && broken.trouble === 'migration' && broken.verdict.kind === 'reject');
  assert.match(broken.verdict.because, /could not be migrated from version 2: Cannot read/);
});

test('what is given back is JSON that fits, of a bounded size, or a reason', () => {
  assert.deepEqual(writeState(V3, { count: 1 }), { write: { version: 3, json: '{"count":1}' }, bytes: 11 });
  assert.deepEqual(writeState(V3, null), { write: null, bytes: 0 });
  const Text: StateDefinition = { version: 1, schema: z.unknown(), initial: '' };
  const fits = 'é'.repeat(MAX_STATE_BYTES / 2 - 1);
  assert.deepEqual(writeState(Text, fits), { write: { version: 1, json: `"${fits}"` }, bytes: MAX_STATE_BYTES });
  const circle: Record<string, unknown> = {};
  circle['itself'] = circle;
  for (const [definition, given, because] of [
    [Text, `${fits}x`, /^the state that it gave back: expected at most 65536 bytes of JSON, got 65537$/],
    [Text, 1n, /expected JSON: Do not know how to serialize a BigInt/],
    [Text, circle, /expected JSON: Converting circular structure/],
    [Text, () => 1, /expected JSON, got a function/],
    // What is no JSON is found as what it would be read as.
    [V3, { count: Number.NaN }, /count: Invalid input: expected number, received null/],
    [V3, { count: new Map() }, /count: Invalid input: expected number/],
    [undefined, { count: 1 }, /expected no state of an actor that declares none/],
  ] as const) {
    const written = writeState(definition, given);
    assert.ok('trouble' in written && written.trouble === 'result' && written.verdict.kind === 'reject');
    assert.equal(written.verdict.reason, 'invalid');
    assert.match(written.verdict.because, because);
  }
});

test('a schema that throws or has to be waited for is a reason like any other', () => {
  const validate = (): never => {
    throw new Error('no schema today');
  };
  const throwing: StateDefinition = { ...V3, schema: { '~standard': { version: 1, vendor: 'test', validate } } };
  const asked = readState(throwing, undefined, NOW);
  assert.ok('trouble' in asked && asked.verdict.kind === 'reject');
  assert.match(asked.verdict.because, /no schema today/);
  assert.deepEqual(problemsOf({ version: 1, schema: z.string().refine(() => Promise.resolve(true)), initial: '' }).length, 1);
});

const ACTOR = {
  name: 'counter',
  input: () => '',
  retry: { attempts: 1, delayMs: () => 0 },
  timeoutMs: 1_000,
  receive: () => Promise.resolve(done()),
};

function problemsOf(state: unknown, more: object = {}): string[] {
  return definitionProblems({ ...ACTOR, state, ...more }).map((problem) => problem.replace('actor "counter": ', ''));
}

test('a declaration with what it must have is right, and each mistake in one is named', () => {
  assert.deepEqual(problemsOf(V3), []);
  assert.deepEqual(problemsOf({ version: 1, schema: Count, initial: { count: 0 }, onReplay: 'keep' }), []);
  assert.deepEqual(problemsOf({ version: 0, schema: {}, initial: 0, onReplay: 'no', shema: 1 }), [
    'state.version: expected an integer from 1, got 0',
    'state.schema: expected a Standard Schema, such as z.object({ ... }), got {}',
    'state.onReplay: expected "update" or "keep", got "no"',
    'state: expected only version, schema, initial, migrate, onReplay, got a field shema',
  ]);
  assert.deepEqual(problemsOf({ ...V3, migrate: { 1: () => 0 } }), [
    'state.migrate: expected a function for each version from 1 to 2, got {}',
  ]);
  assert.deepEqual(problemsOf({ ...V3, version: 1 }), ['state.migrate: expected no function for version 1, got {}']);
  assert.match(problemsOf({ ...V3, initial: {} })[0] ?? '', /^state\.initial: count: Invalid input: expected number/);
  for (const [initial, got] of [
    [() => ({ count: 0 }), 'a function'],
    [undefined, 'nothing'],
    [{ count: 1n }, 'a value of type object'],
  ] as const)
    assert.deepEqual(problemsOf({ ...V3, initial }), [`state.initial: expected JSON, got ${got}`]);
  // It is held to what it will be read as.
  assert.match(problemsOf({ version: 1, schema: z.date(), initial: new Date(0) })[0] ?? '', /^state\.initial: .*expected date/);
  assert.match(problemsOf(V3, { order: 'none' })[0] ?? '', /^state: expected order "key"/);
  assert.deepEqual(problemsOf(7), ['state: expected { version, schema, initial, migrate }, got 7']);
});

test('the handler sees the type of the schema', () => {
  const counter = defineActor({
    ...ACTOR,
    state: { version: 1, schema: Count, initial: { count: 0 } },
    receive: (_input, { state }) => Promise.resolve(done({ state: { count: state.count + 1 } })),
  });
  assert.equal(counter.state?.version, 1);
  defineActor({
    ...ACTOR,
    state: { version: 1, schema: Count, initial: { count: 0 } },
    // @ts-expect-error: it gives back what is no state of its own
    receive: () => Promise.resolve(done({ state: { count: 'one' } })),
  });
  // @ts-expect-error: it declares no state
  defineActor({ ...ACTOR, receive: () => Promise.resolve(done({ state: { count: 1 } })) });
});

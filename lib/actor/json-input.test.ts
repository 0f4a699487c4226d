import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { InvalidInput } from './define-actor.ts';
import { jsonInput } from './json-input.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { Message } from './message.ts';

const order = z.object({ id: z.string(), lines: z.array(z.object({ count: z.int().default(1) })) });

function message(body: string | Uint8Array): Message {
  const text = typeof body === 'string' ? Buffer.from(body) : body;
  return { id: 'm', key: 'k', priority: 'default', stream: 'S', seq: 1, subject: 's', headers: {}, body: text, storedAt: 0, round: 0 };
}

function misfits(read: (message: Message) => unknown, body: string | Uint8Array): { message: string; detail: unknown } {
  try {
    read(message(body));
  } catch (error) {
    assert.ok(error instanceof InvalidInput, String(error));
    return { message: error.message, detail: error.detail };
  }
  return assert.fail('it fitted');
}

test('a body that fits is what the schema makes of it', () => {
  assert.deepEqual(jsonInput(order)(message('{"id":"é","lines":[{}]}')), { id: 'é', lines: [{ count: 1 }] });
});

test('a body that does not fit is invalid, with every place, what was expected and the kind of what was there', () => {
  const { message: text, detail } = misfits(jsonInput(order), '{"lines":[{"count":1},{"count":"secret"}]}');
  assert.match(text, /^id: .*string/);
  const [id, count, ...more] = detail as { path: string; expected: string; got: string }[];
  assert.deepEqual([id?.path, id?.got, count?.path, count?.got, more], ['id', 'nothing', 'lines.1.count', 'string', []]);
  assert.match(count?.expected ?? '', /number|int/);
  assert.ok(!JSON.stringify([text, detail]).includes('secret'));
  assert.match(misfits(jsonInput(order), '[]').message, /^body: /);
});

test('a body that is no JSON is invalid, and its content is not repeated', () => {
  const expected = (got: string) => ({ message: `body: expected JSON, got ${got}`, detail: [{ path: '', expected: 'JSON', got }] });
  assert.deepEqual(misfits(jsonInput(order), 'secret'), expected('other text'));
  assert.deepEqual(misfits(jsonInput(order), ''), expected('other text'));
  assert.deepEqual(misfits(jsonInput(order), Uint8Array.of(0xff)), expected('bytes that are not UTF-8'));
});

test('any library may bring the schema; an asynchronous one is a TypeError', () => {
  const foreign: StandardSchema<number> = {
    '~standard': {
      version: 1,
      vendor: 'ours',
      validate: (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'a number', path: [{ key: 'a' }, 0] }] }),
    },
  };
  assert.equal(jsonInput(foreign)(message('7')), 7);
  assert.deepEqual(misfits(jsonInput(foreign), '{"a":[null]}').detail, [{ path: 'a.0', expected: 'a number', got: 'null' }]);
  const slow: StandardSchema<number> = { '~standard': { version: 1, vendor: 'slow', validate: () => Promise.reject(new Error('late')) } };
  assert.throws(() => jsonInput(slow)(message('7')), { name: 'TypeError', message: /got one of slow that is asynchronous/ });
});

test('a body that is a trap for its reader fits or is invalid, and changes nothing around', () => {
  const read = jsonInput(z.object({ trap: z.json() }));
  const nested = (levels: number) => `{"trap":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  assert.ok(read(message(nested(50))));
  // A schema that follows any JSON down runs out of stack, and tries again asynchronously: refused, whatever it says.
  assert.throws(() => read(message(nested(100_000))));
  assert.ok(jsonInput(z.looseObject({}))(message(nested(100_000))));
  for (const body of [
    '{"trap":{"__proto__":{"isAdmin":true}}}',
    '{"trap":1,"__proto__":{"isAdmin":true}}',
    '{"__proto__":{"trap":1},"trap":2}',
  ]) {
    const input = read(message(body));
    assert.ok(!('isAdmin' in input) && !('isAdmin' in Object(input.trap)), body);
  }
  assert.equal('isAdmin' in {}, false);
  assert.deepEqual(read(message('\uFEFF{"trap":"\\u0000\\ud800"}')), { trap: '\u0000\ud800' });
  assert.match(misfits(read, '{"trap":1e400}').message, /^trap: /);
});

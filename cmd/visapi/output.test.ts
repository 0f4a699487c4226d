import assert from 'node:assert/strict';
import test from 'node:test';
import { errorText } from './output.ts';

const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });

test('an error tells each fact once, with the hint at its end', () => {
  const socket = withCode('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED');
  const refused = Object.assign(new Error('connection refused', { cause: socket }), { name: 'ConnectionError' });
  assert.equal(
    errorText(new Error('expected a broker within 3000 ms', { cause: refused })),
    'expected a broker within 3000 ms (connection refused); is npm start running?',
  );
  assert.equal(
    errorText(new Error(`PostgreSQL did not answer: ${socket.message}`, { cause: socket })),
    'PostgreSQL did not answer: connect ECONNREFUSED 127.0.0.1:1; is npm start running?',
  );
  const missing = withCode("ENOENT: no such file, open 'a'", 'ENOENT');
  assert.equal(errorText(new Error('got a (ENOENT)', { cause: missing })), 'got a (ENOENT)');
  assert.equal(errorText(new Error('no answer', { cause: new Error('too late') })), 'no answer (too late)');
});

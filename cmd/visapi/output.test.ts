import assert from 'node:assert/strict';
import test from 'node:test';
import { openDatabase } from '../../lib/store/database.ts';
import { toDatabaseError } from './database-trouble.ts';
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

test('a database that does not answer, or lets nobody in, is named with what names it, and without its password', async () => {
  const url = 'postgres://somebody:hunter2@127.0.0.1:1/visapi';
  const database = await openDatabase({ url, applicationName: 'test', allowUnsafe: true });
  const statements = [() => database.query({ text: 'select 1' }), () => database.tables.selectFrom('runs').selectAll().execute()];
  for (const run of statements) {
    const error = toDatabaseError(await run().catch((reason: unknown) => reason), url);
    assert.match(
      errorText(error),
      /^expected the database somebody@127\.0\.0\.1:1\/visapi \(DATABASE_URL\) to answer \(.*ECONNREFUSED.*\); is npm start running\?$/,
    );
  }
  await database.close();
  const refused = withCode('password authentication failed for user "somebody"', '28P01');
  assert.match(
    errorText(toDatabaseError(refused, url)),
    /\(DATABASE_URL\) to answer \(password authentication failed for user "somebody"\)$/,
  );
  const missing = withCode('relation "runs" does not exist', '42P01');
  assert.equal(toDatabaseError(missing, url), missing);
});

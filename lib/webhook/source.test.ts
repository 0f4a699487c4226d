import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../core/app-error.ts';
import { Secret } from '../core/secret.ts';
import { compileSource, parseSourceDocument } from './source.ts';

function mistakes(document: unknown, ...secrets: string[]): string {
  try {
    compileSource(
      parseSourceDocument(document),
      secrets.map((value) => ({ value: new Secret(value) })),
    );
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'invalid_config', String(error));
    return error.message;
  }
  return assert.fail('it fitted');
}

test('a document is read with its defaults', () => {
  assert.deepEqual(parseSourceDocument({ name: 'shop', preset: 'generic', options: { header: 'X-Sig' } }), {
    name: 'shop',
    preset: 'generic',
    priority: 'default',
    options: { header: 'x-sig', algorithm: 'sha256', encoding: 'hex', prefix: '', payload: '{body}', toleranceSeconds: 300 },
  });
  const apiKey = parseSourceDocument({ name: 'a', preset: 'api-key', contentTypes: ['Text/Plain', 'application/json'] });
  assert.deepEqual(apiKey, {
    name: 'a',
    preset: 'api-key',
    priority: 'default',
    contentTypes: ['text/plain', 'application/json'],
    options: { header: 'x-api-key' },
  });
});

test('every mistake in a document is named with its place and what was expected', () => {
  const text = mistakes({ name: 'a.b', preset: 'github', key: 'a..b', priority: 'urgent', maxBodyBytes: 0, contentTypes: ['text/plain'] });
  assert.match(text, /^5 problem\(s\) in a source:/);
  for (const line of [
    /name: expected 1 to 64 of a-z/,
    /key: expected a path into the body/,
    /priority: expected critical, default, bulk, or \{ "path"/,
    /maxBodyBytes: .*>=1/,
    /Unrecognized key: "contentTypes"/,
  ])
    assert.match(text, line);
  assert.match(mistakes({ name: 'a', preset: 'nobody' }), /preset: expected one of .*github.*api-key/);
  assert.match(mistakes({ name: 'a', preset: 'generic' }), /options: /);
  assert.match(mistakes('a'), /source: /);
});

test('options that contradict each other, and secrets that do not fit, are named, and no secret is shown', () => {
  const generic = (options: object) => mistakes({ name: 'a', preset: 'generic', options: { header: 'x-sig', ...options } }, 'hunter2');
  assert.match(generic({ payload: '{timestamp}.{body}' }), /options\.timestampHeader: expected/);
  assert.match(generic({ timestampHeader: 'x-time' }), /options\.payload: expected \{timestamp\}/);
  assert.match(generic({ payload: '{timestamp}' }), /options\.payload: expected \{body\}/);
  assert.match(generic({ payload: '{body}{id}' }), /options\.payload: expected \{body\}, \{timestamp\}/);
  const text = mistakes({ name: 'a', preset: 'standard-webhooks' }, 'hunter2');
  assert.match(text, /in the source a:\n  - secret: expected whsec_ and/);
  assert.doesNotMatch(text, /hunter2/);
  for (const preset of ['github', 'standard-webhooks', 'stripe', 'slack', 'bearer', 'basic', 'api-key']) {
    assert.match(mistakes({ name: 'a', preset }), /secrets: expected at least one/);
    assert.match(mistakes({ name: 'a', preset }, ' '), /secret: expected/, preset);
  }
  assert.match(mistakes({ name: 'a', preset: 'github' }, 'a', 'b', 'c', 'd', 'e'), /secrets: expected at most 4, got 5/);
  for (const secret of ['no colon', ':'])
    assert.match(mistakes({ name: 'a', preset: 'basic' }, secret), /secret: expected user:password/, secret);
  assert.match(mistakes({ name: 'a', preset: 'bearer' }, 'two words'), /secret: expected letters/);
  assert.match(mistakes({ name: 'a', preset: 'api-key' }, 'ключ'), /secret: expected printable ASCII/);
});

test('a path into a body that nobody reads is a mistake; a header is none', () => {
  const raw = { name: 'a', preset: 'bearer', contentTypes: ['text/plain', 'application/xml'] };
  const text = mistakes({ ...raw, key: 'a.b', id: 'c', priority: { path: 'p', values: {} } }, 'secret');
  assert.match(text, /key: expected it in a header.*\n.*id: expected it in a header.*\n.*priority: expected it in a header/);
  const source = compileSource(parseSourceDocument({ ...raw, key: { header: 'X-Key' } }), [{ value: new Secret('secret') }]);
  assert.deepEqual(source.key, [{ header: 'x-key' }]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDocumentLink, documentUrl } from './document-link.ts';

const KEY = 'k'.repeat(32);
const LINK = { id: 'a'.repeat(64), filename: 'Quittung Ł & דוד.pdf', expires: 1_000 };

function check(url: string, nowMs = 999_999, key = KEY) {
  const { pathname, searchParams } = new URL(url);
  return checkDocumentLink(pathname.split('/').at(-1) ?? '', searchParams, key, nowMs);
}

test('a link opens its document until its moment, and nothing of it can be changed', () => {
  const url = documentUrl('https://hooks.example.org/', LINK, KEY);
  assert.deepEqual(check(url), { link: LINK });
  assert.deepEqual(check(url, 1_000_000), { refusal: 'expired' });
  assert.deepEqual(check(url, 0, 'x'.repeat(32)), { refusal: 'wrong_signature' });
  const changes: readonly [RegExp, string][] = [
    [/a{64}/, 'b'.repeat(64)],
    [/expires=1000/, 'expires=2000'],
    [/filename=Q/, 'filename=q'],
    [/signature=.{4}/, 'signature=AAAA'],
    [/signature=.*/, 'signature='],
  ];
  for (const [from, to] of changes) {
    assert.match(url, from);
    assert.deepEqual(check(url.replace(from, to)), { refusal: 'wrong_signature' }, to);
  }
  for (const worse of [url.replace('expires=1000', 'expires=1e9'), `${url}&expires=1000`, url.split('?')[0] ?? ''])
    assert.deepEqual(check(worse), { refusal: 'malformed' });
});

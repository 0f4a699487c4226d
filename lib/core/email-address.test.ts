import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEmailAddress } from './email-address.ts';

test('an address is given back as it goes on the wire', () => {
  const expected: [string, string][] = [
    ['lukasz@example.org', 'lukasz@example.org'],
    ['First.Last+tag@Example.ORG', 'First.Last+tag@example.org'],
    ["o'neil@mail.example.co.il", "o'neil@mail.example.co.il"],
    ['david@דוגמה.example', 'david@xn--6dbbec0c.example'],
    ['x@bücher.example', 'x@xn--bcher-kva.example'],
    [`${'a'.repeat(64)}@example.org`, `${'a'.repeat(64)}@example.org`],
  ];
  for (const [text, address] of expected) assert.equal(parseEmailAddress(text), address, text);
});

test('what two programs may read differently, or one as more than an address, is none', () => {
  const refused = [
    '',
    '@',
    'a',
    'a@',
    '@b.example',
    'a@b',
    'a@@b.example',
    'a b@example.org',
    ' a@example.org',
    'a@example.org ',
    'a@.example',
    'a@b..example',
    '"a@evil.example"@example.org',
    '"a b"@example.org',
    'a@[127.0.0.1]',
    'a@127.0.0.1',
    'a@1.2',
    'a(comment)@example.org',
    '<a@example.org>',
    'a@example.org\r\nBcc: b@evil.example',
    'a@example.org\n',
    '\r\na@example.org',
    'a\0@example.org',
    'a@exa\0mple.org',
    'a@exam	ple.org',
    'a@example.org,b@evil.example',
    'a@example.org;b@evil.example',
    'A <a@example.org>',
    'דוד@example.org',
    '.a@example.org',
    'a.@example.org',
    'a..b@example.org',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b'.repeat(64)}.example`,
    `a@${'b.'.repeat(130)}example`,
    'a@-b.example',
    'a@b-.example',
    'a@b_c.example',
    'a@evil.example/x.example',
    'a@b.example#@c.example',
    'a@%65xample.org',
  ];
  for (const text of refused) assert.equal(parseEmailAddress(text), undefined, JSON.stringify(text));
});

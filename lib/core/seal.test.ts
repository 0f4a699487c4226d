import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { AppError } from './app-error.ts';
import { createSeal, DEVELOPMENT_MARK } from './seal.ts';
import { Secret } from './secret.ts';

const KEY = randomBytes(32).toString('base64');
const OTHER = randomBytes(32).toString('base64');
const PLACE = 'sources.github';
const TEXT = 'hunter2 with ünïcode';

function sealOf(...keys: string[]) {
  return createSeal(new Secret(keys.join(',')));
}

/** @returns why it does not open; the value is nowhere in it */
function refusal(run: () => string): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'cannot_unseal');
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /hunter2/);
    return error.message;
  }
  return assert.fail('it opened');
}

test('what is sealed opens again, shows its key and nothing else, and is never the same twice', () => {
  const seal = sealOf(KEY);
  const sealed = seal.seal(TEXT, PLACE);
  assert.match(sealed, /^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
  assert.equal(seal.open(sealed, PLACE), TEXT);
  assert.notEqual(seal.seal(TEXT, PLACE), sealed);
  assert.equal(Buffer.from(sealed.split('.')[2] ?? '', 'base64url').includes('hunter2'), false);
});

test('another place, another key, another form and every changed byte are refused', () => {
  const seal = sealOf(KEY);
  const sealed = seal.seal(TEXT, PLACE);
  assert.match(
    refusal(() => seal.open(sealed, 'sources.gitlab')),
    /another place/,
  );
  assert.match(
    refusal(() => sealOf(OTHER).open(sealed, PLACE)),
    /sealed with the key [0-9a-f]{8}; there are [0-9a-f]{8}$/,
  );
  for (const form of ['', 'hunter2', sealed.replace('v1', 'v2'), `${sealed}.x`, sealed.slice(0, 20)]) refusal(() => seal.open(form, PLACE));
  assert.match(
    refusal(() => seal.open('v1.hunter2.AAAA', PLACE)),
    /of another form/,
  );
  const [version, id, text = ''] = sealed.split('.');
  const bytes = Buffer.from(text, 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    refusal(() => seal.open(`${version}.${id}.${changed.toString('base64url')}`, PLACE));
  }
});

test('a new key in front seals from now on, and what the old one sealed still opens', () => {
  const before = sealOf(KEY).seal(TEXT, PLACE);
  const both = sealOf(OTHER, KEY);
  assert.equal(both.open(before, PLACE), TEXT);
  const after = both.seal(TEXT, PLACE);
  assert.equal(sealOf(OTHER).open(after, PLACE), TEXT);
  refusal(() => sealOf(KEY).open(after, PLACE));
});

test('a key that is none is refused by its place in the list, and not shown', () => {
  for (const wrong of ['hunter2', `${KEY.slice(0, -2)}!=`, randomBytes(31).toString('base64'), `${KEY},`])
    assert.throws(
      () => sealOf(KEY, wrong),
      (error: unknown) =>
        error instanceof TypeError && /secrets key [23]: expected base64 of 32 bytes/.test(error.message) && !error.message.includes(wrong),
    );
  assert.equal(sealOf(DEVELOPMENT_MARK + KEY).open(sealOf(KEY).seal(TEXT, PLACE), PLACE), TEXT);
});

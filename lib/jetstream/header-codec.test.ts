import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { anyText } from '../dev/any-text.ts';
import { decodeHeaderValue, encodeHeaderValue, headerBlock } from './header-codec.ts';

test('every text survives a header, and none of it can end the header', () => {
  fc.assert(
    fc.property(fc.constantFrom('Vis-Key', 'ce-subject'), anyText(), (name, text) => {
      const encoded = encodeHeaderValue(name, text);
      assert.match(encoded, /^[\x20-\x7e]*$/);
      assert.equal(encoded, encoded.trim());
      assert.equal(decodeHeaderValue(encoded), text.toWellFormed());
    }),
  );
});

test('usual values are not touched, and CloudEvents attributes follow their binding', () => {
  assert.equal(encodeHeaderValue('Vis-Id', 'abc/notify[3]#2'), 'abc/notify[3]#2');
  assert.equal(encodeHeaderValue('datacontenttype', 'application/json; charset=utf-8'), 'application/json; charset=utf-8');
  assert.equal(encodeHeaderValue('ce-subject', 'Euro € "x" 100%'), 'Euro%20%E2%82%AC%20%22x%22%20100%25');
  assert.equal(encodeHeaderValue('Vis-Key', 'a\r\nNats-Msg-Id: b'), 'a%0D%0ANats-Msg-Id: b');
});

test('a value that was written by hand is read as it is', () => {
  assert.equal(decodeHeaderValue('100%'), '100%');
  assert.equal(decodeHeaderValue('%E2%82'), '%E2%82');
});

test('headers that steer the broker are never copied, and a name that is none is refused', () => {
  const block = headerBlock([
    ['Vis-Id', '1'],
    ['Nats-Batch-Id', 'x'],
    ['nats-msg-id', 'y'],
    ['ce-id', '2'],
  ]);
  assert.equal(block, 'NATS/1.0\r\nVis-Id: 1\r\nce-id: 2');
  assert.throws(() => headerBlock([['a:b', '1']]), TypeError);
  assert.throws(() => headerBlock([['', '1']]), TypeError);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkList } from './network-list.ts';

test('networks are taken as they are written', () => {
  assert.deepEqual(networkList.parse(''), []);
  assert.deepEqual(networkList.parse('10.0.0.0/8, fd00::/8 ,192.168.1.1/32'), ['10.0.0.0/8', 'fd00::/8', '192.168.1.1/32']);
});

test('a count of hops, everybody, an address without a network and other forms of one are refused', () => {
  for (const text of [
    '1',
    'true',
    '*',
    '10.0.0.1',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '10.1/16',
    '012.0.0.0/8',
    '10.0.0.0/8;::1/128',
    'loopback',
  ])
    assert.equal(networkList.safeParse(text).success, false, text);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseAddress } from './address.ts';

// One address of every range that must not be dialled: first and, where it differs, last.
const REFUSED = `
  0.0.0.0 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
  172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1
  198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
  :: ::1 ::127.0.0.1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b:1::1
  100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 3fff::1 3fff:fff::1 5f00::1 fc00::1 fdff::1 fe80::1
  fe80::1%lo fec0::1 ff02::1 4000::1 1::1`
  .split(/\s+/)
  .filter(Boolean);

const PUBLIC = '1.1.1.1 8.8.8.8 100.63.255.255 172.15.255.255 172.32.0.1 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8'.split(' ');

test('an address of a special range is refused', () => {
  for (const address of REFUSED) assert.ok(refuseAddress(address), address);
});

test('a public address is not refused', () => {
  for (const address of PUBLIC) assert.equal(refuseAddress(address), undefined, address);
});

test('what is not an address is refused', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '::g', '[::1]']) assert.ok(refuseAddress(text), text);
});

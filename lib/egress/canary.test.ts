import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createEgress } from './egress.ts';

/** Names that an attacker's own zone could answer with any address. */
const ZONE: Record<string, string[]> = {
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'mapped-hex.example': ['::ffff:7f00:1'],
  'compatible.example': ['::127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  '6to4.example': ['2002:7f00:1::'],
  'zero.example': ['0.0.0.0'],
  'zero6.example': ['::'],
  'good-then-bad.example': ['8.8.8.8', '127.0.0.1'],
  'bad-then-good.example': ['127.0.0.1', '8.8.8.8'],
  'bad-in-the-middle.example': ['8.8.8.8', '2606:4700::1111', '::1', '1.1.1.1'],
  'zone.example': ['fe80::1%lo'],
  'metadata.example': ['169.254.169.254'],
  'private.example': ['10.0.0.1'],
  '127.0.0.1.nip.example': ['127.0.0.1'],
  '7f000001.nip.example': ['127.0.0.1'],
};

/** Spellings of one loopback listener; `:P` stands for its port. */
const SPELLINGS = `
https://127.0.0.1:P/
https://127.1:P/
https://127.0.1:P/
https://2130706433:P/
https://0x7f000001:P/
https://0x7f.1:P/
https://0x7f.0x0.0x0.0x1:P/
https://0177.0.0.1:P/
https://017700000001:P/
https://0177.0x0.0.1:P/
https://127.0.0.1.:P/
https://127.0.0.1..:P/
https://１２７.０.０.１:P/
https://127。0。0。1:P/
https://127．0．0．1:P/
https://①②⑦.⓪.⓪.①:P/
https://127%2e0%2e0%2e1:P/
https://%31%32%37.0.0.1:P/
https://127.0.0.2:P/
https://127.255.255.254:P/
https://0.0.0.0:P/
https://0:P/
https://[::1]:P/
https://[0:0:0:0:0:0:0:1]:P/
https://[::]:P/
https://[::ffff:127.0.0.1]:P/
https://[::ffff:7f00:1]:P/
https://[::127.0.0.1]:P/
https://[::7f00:1]:P/
https://[64:ff9b::7f00:1]:P/
https://[fe80::1%25lo]:P/
https://localhost:P/
https://LOCALHOST:P/
https://localhost.:P/
https://localhost..:P/
https://ｌｏｃａｌｈｏｓｔ:P/
https://loc%61lhost:P/
https://a.localhost:P/
https://printer.local:P/
https://db.internal:P/
https://router.home.arpa:P/
https://metadata:P/
https://user@127.0.0.1:P/
https://user:pass@loopback.example:P/
https://hooks.slack.com@127.0.0.1:P/
https://hooks.slack.com:443@127.0.0.1:P/
https://hooks.slack.com%40127.0.0.1:P/
https://127.0.0.1:P#@hooks.slack.com/
https://127.0.0.1:P\\@hooks.slack.com/
https://127.0.0.1\\.hooks.slack.com:P/
https:\\\\127.0.0.1:P/
https:127.0.0.1:P/
https:/127.0.0.1:P/
https:////127.0.0.1:P/
hTTps://127.0.0.1:P/
http://127.0.0.1:P/
HTTP://127.0.0.1:P/
http://loopback.example:P/
//127.0.0.1:P/
127.0.0.1:P
ftp://127.0.0.1:P/
gopher://127.0.0.1:P/_GET
ws://127.0.0.1:P/
wss://127.0.0.1:P/
file:///etc/passwd
unix:/run/x.sock:/
data:text/plain,x
javascript:fetch('http://127.0.0.1:P')
blob:https://127.0.0.1:P/x
 https://127.0.0.1:P/
https://127.0.0.1:P/%0d%0aHost:x
https://127.0\t.0.1:P/
https://127.0.0.1:0P/
https://127.0.0.1 :P/
https://[127.0.0.1]:P/
https://:P/
https://.:P/
https://exa_mple:P/
`
  .trim()
  .split('\n')
  .concat(Object.keys(ZONE).map((name) => `https://${name}:P/`));

test('no spelling of a private address opens a connection', async (t) => {
  let connections = 0;
  let refusals = 0;
  const canary = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  canary.listen(0, '::');
  await once(canary, 'listening');
  t.after(() => canary.close());
  const { port } = canary.address() as { port: number };

  const resolve = (name: string) => {
    const addresses = ZONE[name];
    if (addresses === undefined) return Promise.reject(new Error(`asked for ${name}`));
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
  const egress = createEgress({ rules: { allow: [], ports: [port, 443] }, resolve, totalMs: 2_000, onRefused: () => refusals++ });
  t.after(() => egress.close());

  assert.ok(SPELLINGS.length >= 60);
  for (const spelling of SPELLINGS) {
    const url = spelling.replace(/:(0?)P/g, `:$1${port}`);
    const result = await egress.send({ url, method: 'POST', headers: {}, body: 'x' });
    assert.ok(result.kind === 'not-sent' && result.code === 'refused', `${url}: ${JSON.stringify(result)}`);
  }
  assert.equal(connections, 0);
  assert.equal(refusals, SPELLINGS.length);
});

test('the canary hears what it should: with the address allowed there is a connection', async (t) => {
  const canary = createServer((socket) => socket.destroy());
  canary.listen(0, '127.0.0.1');
  await once(canary, 'listening');
  t.after(() => canary.close());
  const { port } = canary.address() as { port: number };
  const egress = createEgress({ rules: { allow: [`http://127.0.0.1:${port}`], ports: [] } });
  t.after(() => egress.close());
  const heard = once(canary, 'connection');
  await egress.send({ url: `http://2130706433:${port}/`, method: 'POST', headers: {}, body: 'x' });
  await heard;
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createDial, type DialOptions } from './dial.ts';
import { parseAllowedOrigin } from './destination.ts';

const never = new AbortController().signal;

async function startPeer(t: TestContext): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as { port: number }).port, connections: () => connections };
}

/** Names of a zone that somebody else may own. */
const resolve: DialOptions['resolve'] = async (name) =>
  ({ 'private.example': ['10.0.0.1'], 'loop.example': ['127.0.0.1'], 'mixed.example': ['8.8.8.8', '::1'] }[name] ?? []).map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));

test('a mail server is dialled only on a mail port, by a public name, at a public address', async (t) => {
  const peer = await startPeer(t);
  const refusals: string[] = [];
  const dial = createDial({ rules: { allow: [], ports: [465, 587, peer.port] }, resolve, onRefused: (because) => refusals.push(because) });
  const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost', 'LOCALHOST.', 'mail.internal'];
  for (const host of [
    ...hosts,
    'metadata',
    'loop.example',
    'private.example',
    'mixed.example',
    'user@loop.example',
    'loop.example/x',
    'mail.example:465#',
  ]) {
    const { kind } = await dial({ host, port: peer.port }, never);
    assert.equal(kind, 'refused', host);
  }
  assert.equal((await dial({ host: 'mail.example', port: 25 }, never)).kind, 'refused');
  assert.equal(refusals.length, 17);
  assert.equal((await dial({ host: 'nowhere.example', port: 465 }, never)).kind, 'unreachable');
  assert.equal(peer.connections(), 0);
});

test('a named origin is dialled wherever it is, and no other port of it', async (t) => {
  const peer = await startPeer(t);
  const dial = createDial({ rules: { allow: [parseAllowedOrigin(`smtp://127.0.0.1:${peer.port}`)], ports: [465] }, resolve });
  const dialled = await dial({ host: '127.0.0.1', port: peer.port }, never);
  assert.equal(dialled.kind, 'connected');
  if (dialled.kind === 'connected') dialled.socket.destroy();
  assert.equal((await dial({ host: '127.0.0.1', port: peer.port + 1 }, never)).kind, 'refused');
  assert.equal(
    (await createDial({ rules: { allow: [`http://127.0.0.1:${peer.port}`], ports: [] } })({ host: '127.0.0.1', port: peer.port }, never))
      .kind,
    'refused',
  );
});

test('an origin of a mail server is read as those of http are', () => {
  assert.equal(parseAllowedOrigin('smtp://127.0.0.1:27025/'), 'smtp://127.0.0.1:27025');
  for (const text of ['smtp://127.1:25', 'smtp://user@mail:25', 'smtp://mail:25/path', 'smtp:mail', 'smtps://mail:465', 'smtp://MAIL:25'])
    assert.throws(() => parseAllowedOrigin(text), TypeError, text);
});

test('one that does not answer, or is given up, is unreachable', async () => {
  const dial = createDial({ rules: { allow: [], ports: [465] }, connectMs: 50, resolve: () => new Promise(() => undefined) });
  const server = { host: 'slow.example', port: 465 };
  assert.equal((await dial(server, never)).kind, 'unreachable');
  const abort = new AbortController();
  const dialled = dial(server, abort.signal);
  abort.abort();
  assert.equal((await dialled).kind, 'unreachable');
  assert.equal((await dial(server, abort.signal)).kind, 'unreachable');
});

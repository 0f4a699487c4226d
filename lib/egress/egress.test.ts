import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createEgress, type EgressOptions, type EgressRequest } from './egress.ts';
import { patience } from '../dev/test-scale.ts';

interface Peer {
  readonly port: number;
  readonly origin: string;
  /** Sockets that were opened so far. */
  connections(): number;
  /** All bytes that were read so far. */
  received(): string;
}

/** A raw TCP peer; `onRequest` is called when a whole request has been read. */
async function startPeer(
  t: TestContext,
  behave: { onConnect?: (socket: Socket) => void; onRequest?: (socket: Socket) => void },
): Promise<Peer> {
  let connections = 0;
  let received = '';
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    behave.onConnect?.(socket);
    let request = '';
    socket.on('data', (chunk) => {
      request += chunk.toString('latin1');
      received += chunk.toString('latin1');
      if (!request.endsWith('hello')) return;
      request = '';
      behave.onRequest?.(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { port, origin: `http://127.0.0.1:${port}`, connections: () => connections, received: () => received };
}

function open(t: TestContext, options: Partial<EgressOptions> & { allow?: string[] }) {
  const egress = createEgress({ rules: { allow: options.allow ?? [], ports: [443] }, ...options });
  t.after(() => egress.close());
  return (url: string, more: Partial<EgressRequest> = {}) =>
    egress.send({ url, method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello', ...more });
}

const answer = (body: string, head = ''): string => `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`;

test('a whole answer is an answer, whatever its status', async (t) => {
  const peer = await startPeer(t, {
    onRequest: (socket) => socket.write('HTTP/1.1 503 No\r\nRetry-After: 7\r\ncontent-length: 4\r\n\r\nbusy'),
  });
  const send = open(t, { allow: [peer.origin] });
  const result = await send(`${peer.origin}/a?b=c`, { headers: { 'Idempotency-Key': 'k', Authorization: 'Bearer t' } });
  assert.ok(result.kind === 'answer', JSON.stringify(result));
  assert.equal(result.status, 503);
  assert.equal(result.headers['retry-after'], '7');
  assert.equal(result.body.toString(), 'busy');
  assert.equal(result.isCut, false);
  assert.match(peer.received(), /^POST \/a\?b=c HTTP\/1\.1\r\n/);
  for (const header of [/idempotency-key: k\r/, /authorization: Bearer t\r/, /accept-encoding: identity\r/])
    assert.match(peer.received(), header);
});

test('a connection is used again, or each request has its own', async (t) => {
  const peer = await startPeer(t, { onRequest: (socket) => socket.write(answer('ok')) });
  const kept = open(t, { allow: [peer.origin], keepAliveMs: 60_000 });
  for (let i = 0; i < 20; i++) assert.equal((await kept(`${peer.origin}/`)).kind, 'answer');
  const used = peer.connections();
  // Two where the next request comes before the last connection is put back.
  assert.ok(used <= 2, String(used));
  const own = open(t, { allow: [peer.origin], keepAliveMs: 0 });
  for (let i = 0; i < 20; i++) assert.equal((await own(`${peer.origin}/`)).kind, 'answer');
  assert.equal(peer.connections(), used + 20);
});

test('a request that fails on a used connection is unknown and not written again', async (t) => {
  for (const leave of ['reset', 'end'] as const) {
    const seen = new WeakSet<Socket>();
    const peer = await startPeer(t, {
      onRequest: (socket) => {
        if (!seen.has(socket)) socket.write(answer('ok'));
        else if (leave === 'reset') socket.resetAndDestroy();
        else socket.end();
        seen.add(socket);
      },
    });
    const send = open(t, { allow: [peer.origin], keepAliveMs: 60_000 });
    let sent = 0;
    let result;
    do {
      sent++;
      result = await send(`${peer.origin}/`);
    } while (result.kind === 'answer' && sent < 10);
    assert.equal(result.kind, 'unknown', JSON.stringify(result));
    assert.equal(peer.connections(), sent - 1);
    assert.equal(peer.received().match(/POST/g)?.length, sent);
  }
});

test('a server that closes after each answer, without a word, costs no message', async (t) => {
  const peer = await startPeer(t, { onRequest: (socket) => socket.end(answer('ok')) });
  const send = open(t, { allow: [peer.origin], keepAliveMs: 60_000 });
  for (let i = 0; i < 50; i++) assert.equal((await send(`${peer.origin}/`)).kind, 'answer', String(i));
});

test('a connection that is refused means not sent', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as { port: number };
  closed.close();
  await once(closed, 'close');
  const result = await open(t, { allow: [`http://127.0.0.1:${port}`] })(`http://127.0.0.1:${port}/`);
  assert.ok(result.kind === 'not-sent' && result.code === 'unreachable', JSON.stringify(result));
});

test('a name without an address means not sent', async (t) => {
  const resolve = () => Promise.reject(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }));
  const result = await open(t, { resolve })('https://nowhere.example/');
  assert.ok(result.kind === 'not-sent' && result.code === 'unreachable', JSON.stringify(result));
  const empty = await open(t, { resolve: () => Promise.resolve([]) })('https://nowhere.example/');
  assert.ok(empty.kind === 'not-sent' && empty.code === 'unreachable', JSON.stringify(empty));
});

test('a failed TLS handshake means not sent', async (t) => {
  const peer = await startPeer(t, { onConnect: (socket) => socket.end('this is not TLS') });
  const origin = `https://127.0.0.1:${peer.port}`;
  const result = await open(t, { allow: [origin] })(`${origin}/`);
  assert.ok(result.kind === 'not-sent' && result.code === 'unreachable', JSON.stringify(result));
  assert.doesNotMatch(peer.received(), /POST/);
});

test('a handshake that takes too long means not sent', async (t) => {
  const peer = await startPeer(t, {});
  const origin = `https://127.0.0.1:${peer.port}`;
  const result = await open(t, { allow: [origin], connectMs: 200, totalMs: 5_000 })(`${origin}/`);
  assert.ok(result.kind === 'not-sent' && result.code === 'unreachable', JSON.stringify(result));
});

test('a reset before the request is read means unknown: the socket cannot tell', async (t) => {
  const peer = await startPeer(t, { onConnect: (socket) => socket.pause().resetAndDestroy() });
  const send = open(t, { allow: [peer.origin] });
  for (let i = 0; i < 20; i++) {
    const result = await send(`${peer.origin}/`);
    // The reset may be noticed before the request is written: then, and only then, it is not sent.
    assert.ok(result.kind === 'unknown' || (result.kind === 'not-sent' && result.code === 'unreachable'), JSON.stringify(result));
    assert.equal(peer.connections(), i + 1, 'it must not be sent again');
  }
});

test('a reset, or an end, after the request was read means unknown', async (t) => {
  for (const onRequest of [(socket: Socket) => socket.resetAndDestroy(), (socket: Socket) => socket.end()]) {
    const peer = await startPeer(t, { onRequest });
    const result = await open(t, { allow: [peer.origin] })(`${peer.origin}/`);
    assert.equal(result.kind, 'unknown', JSON.stringify(result));
    assert.equal(peer.connections(), 1, 'it must not be sent again');
  }
});

test('a cut answer means unknown', async (t) => {
  const halves = [
    'HTTP/1.1 200 OK\r\ncontent-le',
    'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345',
    'HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n12345',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n',
    'this is not HTTP\r\n\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
  ];
  for (const half of halves) {
    for (const leave of ['end', 'reset'] as const) {
      const peer = await startPeer(t, {
        onRequest: (socket) => socket.write(half, () => (leave === 'end' ? socket.end() : setTimeout(() => socket.resetAndDestroy(), 20))),
      });
      const result = await open(t, { allow: [peer.origin] })(`${peer.origin}/`);
      assert.equal(result.kind, 'unknown', `${leave} ${half.slice(0, 80)} ${JSON.stringify(result)}`);
      assert.equal(peer.connections(), 1, 'it must not be sent again');
    }
  }
});

test('silence after the request was written means unknown, within the total time', async (t) => {
  const peer = await startPeer(t, {});
  const startedAt = performance.now();
  const result = await open(t, { allow: [peer.origin], totalMs: 1_500 })(`${peer.origin}/`);
  assert.equal(result.kind, 'unknown', JSON.stringify(result));
  assert.ok(performance.now() - startedAt < patience(2_000));
});

test('a trickle does not prolong the total time', async (t) => {
  const peer = await startPeer(t, {
    onRequest: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      const drip = setInterval(() => socket.write('.'), 20);
      socket.on('close', () => clearInterval(drip));
    },
  });
  const result = await open(t, { allow: [peer.origin], totalMs: 1_500 })(`${peer.origin}/`);
  assert.equal(result.kind, 'unknown', JSON.stringify(result));
});

test('who gives up before the connection is there has sent nothing, also when the connection comes later', async (t) => {
  const peer = await startPeer(t, { onRequest: (socket) => socket.end(answer('late')) });
  const origin = `http://127.0.0.1:${peer.port}`;
  const abort = new AbortController();
  const pending = open(t, { allow: [origin] })(`${origin}/`, { signal: abort.signal });
  abort.abort();
  const result = await pending;
  assert.ok(result.kind === 'not-sent' && result.code === 'aborted', JSON.stringify(result));
  const second = await open(t, { allow: [origin] })(`${origin}/`);
  assert.equal(second.kind, 'answer');
  assert.equal(peer.received().match(/POST/g)?.length, 1);
});

test('who gives up after the request was written gets unknown', async (t) => {
  const abort = new AbortController();
  const peer = await startPeer(t, { onRequest: () => abort.abort() });
  const result = await open(t, { allow: [peer.origin] })(`${peer.origin}/`, { signal: abort.signal });
  assert.equal(result.kind, 'unknown', JSON.stringify(result));
});

test('of a long answer only 64 KiB are read, and its status counts', async (t) => {
  const peer = await startPeer(t, { onRequest: (socket) => socket.write(answer('x'.repeat(1_000_000))) });
  const result = await open(t, { allow: [peer.origin] })(`${peer.origin}/`);
  assert.ok(result.kind === 'answer');
  assert.equal(result.body.length, 65_536);
  assert.equal(result.isCut, true);
});

test('a redirect is an answer and is not followed', async (t) => {
  const canary = await startPeer(t, {});
  const peer = await startPeer(t, {
    onRequest: (socket) => socket.end(`HTTP/1.1 307 Go\r\nlocation: ${canary.origin}/\r\ncontent-length: 0\r\n\r\n`),
  });
  const result = await open(t, { allow: [peer.origin, canary.origin] })(`${peer.origin}/`);
  assert.ok(result.kind === 'answer' && result.status === 307);
  assert.equal(canary.connections(), 0);
});

test('a header that is not allowed, or would end the header, means not sent', async (t) => {
  const peer = await startPeer(t, { onRequest: (socket) => socket.end(answer('ok')) });
  const send = open(t, { allow: [peer.origin] });
  const bad = [
    { host: 'a' },
    { 'transfer-encoding': 'chunked' },
    { cookie: 'a' },
    { accept: 'a\r\nx: y' },
    { accept: 'a\nx' },
    { accept: 'a\0' },
    { 'x y': 'a' },
  ];
  for (const headers of bad as Record<string, string>[]) {
    const result = await send(`${peer.origin}/`, { headers });
    assert.ok(result.kind === 'not-sent' && result.code === 'refused', JSON.stringify(result));
  }
  assert.equal(peer.connections(), 0);
});

test('the answer of the resolver is asked for once and checked before the dial', async (t) => {
  const peer = await startPeer(t, {});
  let calls = 0;
  const resolve = async () => [{ address: calls++ === 0 ? '127.0.0.1' : '8.8.8.8', family: 4 }];
  const send = open(t, { resolve, rules: { allow: [], ports: [peer.port] } });
  const result = await send(`https://rebind.example:${peer.port}/`);
  assert.ok(result.kind === 'not-sent' && result.code === 'refused', JSON.stringify(result));
  assert.equal(calls, 1);
  assert.equal(peer.connections(), 0);
});

test('proxies from the environment are ignored', async (t) => {
  const proxy = await startPeer(t, { onRequest: (socket) => socket.end(answer('proxy')) });
  const peer = await startPeer(t, { onRequest: (socket) => socket.end(answer('peer')) });
  const code = `
    import { createEgress } from ${JSON.stringify(new URL('egress.ts', import.meta.url).href)};
    const egress = createEgress({ rules: { allow: ['${peer.origin}'], ports: [] } });
    const result = await egress.send({ url: '${peer.origin}/', method: 'POST', headers: {}, body: 'hello' });
    await egress.close();
    console.log(result.body.toString());`;
  const env = { HTTP_PROXY: proxy.origin, http_proxy: proxy.origin, ALL_PROXY: proxy.origin, NODE_USE_ENV_PROXY: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { env });
  assert.equal(stdout.trim(), 'peer');
  assert.equal(proxy.connections(), 0);
});

test('a closed way out sends nothing and still answers', async (t) => {
  const peer = await startPeer(t, { onRequest: (socket) => socket.end(answer('ok')) });
  const egress = createEgress({ rules: { allow: [peer.origin], ports: [] } });
  await egress.close();
  await egress.close();
  const result = await egress.send({ url: `${peer.origin}/`, method: 'POST', headers: {}, body: 'hello' });
  assert.equal(result.kind, 'not-sent', JSON.stringify(result));
});

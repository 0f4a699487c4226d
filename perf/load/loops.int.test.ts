import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { runClosedLoop } from './closed-loop.ts';
import { runOpenLoop } from './open-loop.ts';
import { createReleaseRequests } from './release-requests.ts';
import { createSamples, percentile } from './samples.ts';

const requests = createReleaseRequests('/hooks/github', 'a secret for tests');

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function options(port: number, connections: number, fromMs: number, toMs: number) {
  const answers: (number | undefined)[] = [];
  const latencies = createSamples();
  const onAnswer = (status: number | undefined) => void answers.push(status);
  const loop = { port, connections, window: { fromMs, toMs }, latencies, onAnswer };
  return { answers, loop: { ...loop, requestBytes: requests.requestBytes, writeNext: requests.writeNext } };
}

test('a request that was due while the server stood still is charged from when it was due', async (t) => {
  const stallMs = 300;
  let stalled = false;
  const server = createServer((request, response) => {
    request.resume();
    if (stalled) return void response.writeHead(202).end();
    stalled = true;
    // One after the other: with a single connection all others wait behind this one.
    setTimeout(() => response.writeHead(202).end(), stallMs);
  });
  const startMs = performance.now() + 50;
  const { loop, answers } = options(await listen(t, server), 1, startMs, startMs + 500);
  await runOpenLoop({ ...loop, perSecond: 100, startMs, lateness: createSamples() });
  // The first may be due before a busy machine gets to it.
  assert.ok(answers.length >= 49 && answers.length <= 50, String(answers.length));
  const sorted = loop.latencies.toArray().toSorted();
  // Thirty were due in the stall; the one in the middle of them waited for half of it. A client that waits in turn would have told of one.
  assert.ok(percentile(sorted, 0.7) > stallMs / 4, `${percentile(sorted, 0.7)} ms`);
  assert.ok(sorted.filter((ms) => ms > stallMs / 2).length >= 10);
});

test('every request is whole and has an id of its own; answers in pieces and closed connections are read', async (t) => {
  const ids = new Set<unknown>();
  const repositories = new Set<string>();
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    const isLast = count % 7 === 0;
    ids.add(request.headers['x-github-delivery']);
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      repositories.add((JSON.parse(body) as { repository: { full_name: string } }).repository.full_name);
      response.writeHead(202, { 'content-length': 10, connection: isLast ? 'close' : 'keep-alive' });
      response.write('01234');
      setImmediate(() => response.end('56789'));
    });
  });
  const nowMs = performance.now();
  const { loop, answers } = options(await listen(t, server), 4, nowMs, nowMs + 1_500);
  await runClosedLoop(loop);
  assert.ok(answers.length > 7, `${answers.length}`);
  assert.deepEqual([...new Set(answers)], [202]);
  assert.equal(count, answers.length);
  assert.equal(ids.size, count);
  assert.equal(repositories.size, Math.min(count, 1_000));
});

test('a connection that breaks under a request is counted as lost, and the next request opens another one', async (t) => {
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    if (count === 3) return void request.socket.destroy();
    request.resume().on('end', () => response.writeHead(202).end());
  });
  const nowMs = performance.now();
  const { loop, answers } = options(await listen(t, server), 1, nowMs, nowMs + 1_500);
  await runClosedLoop(loop);
  assert.deepEqual(answers.slice(0, 5), [202, 202, undefined, 202, 202]);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { readJson } from './read-json.ts';

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/varz`;
}

test('JSON is read, and what is none is refused', async (t) => {
  assert.deepEqual(await readJson(await serve(t, (_request, response) => response.end('{"a":[1]}')), 5_000), { a: [1] });
  await assert.rejects(readJson(await serve(t, (_request, response) => response.end('<html>')), 5_000), SyntaxError);
});

test('another status than 200 is refused with it, and a redirect is not followed', async (t) => {
  for (const status of [302, 404, 503]) {
    const url = await serve(t, (_request, response) => response.writeHead(status, { location: '/elsewhere' }).end('{}'));
    await assert.rejects(readJson(url, 5_000), { message: `status ${status}` });
  }
});

test('an answer that does not come, or not to its end, is given up in time', async (t) => {
  const silent = await serve(t, () => undefined);
  const half = await serve(t, (_request, response) => void response.writeHead(200).write('{'));
  for (const url of [silent, half]) await assert.rejects(readJson(url, 200), { message: 'no whole answer within 200 ms' });
});

test('an address that takes no connection is named', async () => {
  await assert.rejects(readJson('http://127.0.0.1:1/varz', 5_000), /ECONNREFUSED/);
});

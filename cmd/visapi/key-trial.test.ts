import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Secret } from '../../lib/core/secret.ts';
import { tryKey } from './key-trial.ts';

test('a new key is tried until ingest knows it; one that it never knows is told, and one that nobody can judge is not', async (t) => {
  const statuses = [401, 401, 202];
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    asked += 1;
    assert.deepEqual([request.url, request.headers.authorization], ['/v1/events/batch', 'Bearer vis_x']);
    response.writeHead(statuses.shift() ?? 401).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const key = new Secret('vis_x');
  assert.deepEqual([await tryKey(url, key), asked], ['known', 3]);
  assert.equal(await tryKey(url, key, 0), 'refused');
  statuses.push(403, 503);
  assert.deepEqual([await tryKey(url, key), await tryKey(url, key)], ['known', 'untried']);
  assert.equal(await tryKey('http://127.0.0.1:1', key), 'untried');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actorMetrics, createRegistry, egressMetrics, ingestMetrics, publisherMetrics } from '../telemetry/metrics.ts';
import { startOpsServer } from './ops-server.ts';
import type { Readiness } from './ops-server.ts';

test('the operations server says whether the program lives, is ready, what it is, and its metrics', async (t) => {
  const registry = createRegistry({ program: 'test', version: '1.2.3', env: 'development' });
  ingestMetrics(registry).rejected.inc({ source: 'github', reason: 'no_signature' });
  for (const declare of [actorMetrics, publisherMetrics, egressMetrics]) declare(registry);
  let readiness: () => Promise<Readiness> = async () => ({ ready: true, checks: { broker: { ok: true } } });
  const server = await startOpsServer({
    host: '127.0.0.1',
    port: 0,
    program: 'test',
    version: '1.2.3',
    registry,
    readiness: () => readiness(),
  });
  t.after(() => server.stop());

  const get = async (path: string) => {
    const response = await fetch(server.url + path);
    return { status: response.status, text: await response.text() };
  };
  assert.equal((await get('/livez')).status, 200);
  assert.match((await get('/version')).text, /"version":"1\.2\.3"/);
  assert.equal((await get('/readyz')).status, 200);
  readiness = async () => ({ ready: false, checks: { broker: { ok: false, detail: 'not connected' } } });
  const notReady = await get('/readyz');
  assert.equal(notReady.status, 503);
  assert.match(notReady.text, /not connected/);
  readiness = () => Promise.reject(new Error('broken'));
  assert.equal((await get('/readyz')).status, 503);

  assert.match((await get('/metrics')).text, /visapi_ready 0/);
  readiness = async () => ({ ready: true, checks: {} });
  const metrics = (await get('/metrics')).text;
  assert.match(metrics, /visapi_ready 1/);
  assert.match(metrics, /visapi_build_info\{program="test",version="1\.2\.3",env="development"\} 1/);
  assert.match(metrics, /visapi_ingest_rejected_total\{source="github",reason="no_signature"\} 1/);
  assert.match(metrics, /process_cpu_seconds_total/);
});

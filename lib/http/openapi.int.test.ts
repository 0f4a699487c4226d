import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../telemetry/log.ts';
import { createRegistry } from '../telemetry/metrics.ts';
import { DEFAULT_EDGE_LIMITS } from './edge-limits.ts';
import { createEdgeServer } from './edge-server.ts';
import { addOpenApi } from './openapi.ts';
import { problemResponses } from './problem-schema.ts';

test('a route that the document would not know is refused', async (t) => {
  const log = createLog({ program: 'test', env: 'development', version: '0', level: 'silent' });
  const registry = createRegistry({ program: 'test', version: '0', env: 'development' });
  const { server } = await createEdgeServer({ log, registry, limits: DEFAULT_EDGE_LIMITS });
  t.after(() => server.close());
  await addOpenApi(server, { title: 'Test', version: '1', description: '', tags: [], schemas: {} });
  assert.throws(() => server.get('/secret', () => 'x'), /\/secret: expected a schema/);
  assert.throws(() => server.get('/half', { schema: { summary: 'no answers' } }, () => 'x'), /\/half: expected a schema/);
  server.get('/known', { schema: { operationId: 'known', response: problemResponses([]) } }, () => 'x');
  await server.ready();
  assert.ok((server.swagger() as { paths: Record<string, unknown> }).paths['/known']);
});

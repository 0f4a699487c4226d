import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { poll } from '../../lib/dev/poll.ts';
import { findFreePort } from '../../lib/dev/port.ts';
import { createProgram } from '../../lib/dev/program.ts';
import { openTestAccount } from '../../lib/dev/test-bed.ts';
import { createTestSecrets } from '../../lib/dev/test-settings.ts';

test('a request that comes while ingest is dead waits in the socket that its supervisor holds, and is answered by the next one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-given-'));
  const port = await findFreePort();
  const program = createProgram({
    name: 'ingest',
    command: ['cmd/ingest/main.ts'],
    env: {
      VISAPI_HOME: folder,
      NATS_URL: await openTestAccount(),
      ALLOW_UNSAFE_BROKER: 'true',
      INGEST_OPS_PORT: '0',
      // Listened on by nobody: the descriptor takes its place.
      INGEST_PORT: '1',
      ...createTestSecrets().env,
    },
    listensOn: { host: '127.0.0.1', port },
    logFile: join(folder, 'ingest.log'),
    readyUrl: `http://127.0.0.1:${port}/openapi.json`,
  });
  t.after(async () => {
    await program.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const isOpen = () => fetch(program.readyUrl).then(({ ok }) => ok || undefined);
  await program.start();
  await poll(isOpen, { deadlineMs: 30_000, what: 'the first ingest' });
  const down = program.whenDown();
  process.kill(program.pid!, 'SIGKILL');
  await down;

  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /openapi.json HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n');
  await program.start();
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString('latin1'), /^HTTP\/1\.1 200 /);
  socket.destroy();

  await program.stop();
  await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
});

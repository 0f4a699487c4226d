import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Part } from '../lib/dev/keep-alive.ts';
import { poll } from '../lib/dev/poll.ts';
import { guard } from './ward.ts';

/** A part that dies when it is told to; its process is our own, which outlives it. */
function openPart(t: TestContext) {
  const runFolder = mkdtempSync(join(tmpdir(), 'visapi-ward-'));
  t.after(() => rmSync(runFolder, { recursive: true }));
  let life: PromiseWithResolvers<void> | undefined;
  const die = (): void => {
    life?.resolve();
    life = undefined;
  };
  const part: Part = {
    name: 'part',
    get pid() {
      return life === undefined ? undefined : process.pid;
    },
    start() {
      life = Promise.withResolvers();
      return Promise.resolve();
    },
    stop() {
      die();
      return Promise.resolve();
    },
    whenDown: () => life?.promise ?? Promise.resolve(),
  };
  return { part, die, runFolder };
}

test('a ward is started again when it dies, but not while it is held; a stop ends it in either case and forgets it', async (t) => {
  const { part, die, runFolder } = openPart(t);
  const ward = await guard(part, { runFolder, say: () => undefined });
  t.after(() => ward.stop());
  assert.deepEqual([ward.starts, readdirSync(runFolder)], [1, ['part.pid']]);
  const hasStarted = (starts: number) =>
    poll(() => (ward.starts === starts ? true : undefined), { deadlineMs: 30_000, what: `start ${starts}` });
  die();
  await hasStarted(2);
  ward.hold();
  const down = ward.whenDown();
  die();
  await down;
  assert.equal(ward.signal('SIGCONT'), false, 'nobody is there to get it');
  ward.release();
  await hasStarted(3);
  ward.hold();
  die();
  await ward.stop();
  assert.deepEqual([ward.starts, readdirSync(runFolder)], [3, []]);
});

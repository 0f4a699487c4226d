import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createLoopDisk, type LoopDisk } from '../dev/loop-disk.ts';
import { scaled } from '../dev/test-scale.ts';
import { openTestJournal } from './test-journal.ts';

const program = fileURLToPath(new URL('fixtures/appending-program.ts', import.meta.url));

const CUTS = scaled({ day: 3, night: 20 });
const ANSWERS_PER_CUT = scaled({ day: 300, night: 1_000 });
const SENDERS = '64';

test('when its disk loses its power, the journal has everything that it answered under 64 senders', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-power-'));
  const disk = createLoopDisk(folder);
  t.after(() => {
    if (typeof disk !== 'string') disk.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  if (typeof disk === 'string') {
    t.skip(disk);
    return;
  }
  const path = join(disk.path, 'journal');
  const answered = new Map<string, number>();
  for (let cut = 0; cut < CUTS; cut += 1) await liveUntilCut(t, path, `cut${cut}`, disk, answered);

  const journal = await openTestJournal(t, path, { onRescued: ({ damage }) => assert.fail(`the file is damaged: ${damage}`) });
  const found = new Map(journal.read(0, Number.MAX_SAFE_INTEGER).map(({ number, emit }) => [emit.id, number]));
  const lost = [...answered].filter(([id, number]) => found.get(id) !== number);
  await journal.close();
  assert.deepEqual(lost, []);
  assert.ok(answered.size >= CUTS * ANSWERS_PER_CUT, `${answered.size}`);
  t.diagnostic(`${CUTS} power cuts, ${answered.size} answered, 0 lost, ${found.size - answered.size} stored and not answered`);
});

async function liveUntilCut(t: TestContext, path: string, name: string, disk: LoopDisk, answered: Map<string, number>): Promise<void> {
  const child = spawn(process.execPath, [program, path, name, '', SENDERS, 'keep'], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [verb, id = '', number = ''] = line.split(' ');
    if (verb !== 'answered' || !line.endsWith(';')) continue;
    answered.set(id, Number(number.slice(0, -1)));
    count += 1;
    if (count !== ANSWERS_PER_CUT) continue;
    disk.cutPower();
    // What it still says after the cut was on the disk before.
    child.kill('SIGKILL');
  }
  await ended;
  assert.ok(count >= ANSWERS_PER_CUT, `${name} ended after ${count} answers`);
  disk.restart();
}

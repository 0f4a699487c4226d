import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { claimFolder, describeProcess, writePidFile } from '../lib/dev/pid-file.ts';
import { mountSmallDisk } from '../lib/dev/small-disk.ts';
import { chaosHome, clearLeftovers, RUNNER } from './chaos-home.ts';
import { runSet } from './set-run.ts';
import { stopRunner } from './stop.ts';

function openHome(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'visapi-chaos-home-'));
  const home = chaosHome(root);
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of [home.run, home.work]) mkdirSync(folder, { recursive: true });
  const said: string[] = [];
  return { home, said, say: (line: string) => void said.push(line) };
}

function spawnSleeper(t: TestContext) {
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("."); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  return { pid: child.pid!, isThere: once(child.stdout, 'data'), whenGone: once(child, 'exit') };
}

test('what a killed runner has left is ended, frozen or not, with its mounts and its data; what is not in its folder stays', async (t) => {
  const { home, say, said } = openHome(t);
  const [frozen, stranger] = [spawnSleeper(t), spawnSleeper(t)];
  await Promise.all([frozen.isThere, stranger.isThere]);
  writePidFile(home.run, 'processor', frozen.pid);
  process.kill(frozen.pid, 'SIGSTOP');
  writeFileSync(join(home.work, 'data'), 'data');
  const disk = mountSmallDisk(join(home.work, 'disk'), 1_048_576);
  if (typeof disk !== 'string') writeFileSync(join(disk.path, 'file'), 'file');
  await clearLeftovers(home, say);
  await frozen.whenGone;
  assert.ok(!existsSync(home.work));
  assert.ok(describeProcess(stranger.pid));
  assert.match(said[0] ?? '', /processor/);
});

test('a second runner is told who has the folder, and a stop from another shell ends the first', async (t) => {
  const { home, say, said } = openHome(t);
  const runner = spawnSleeper(t);
  await runner.isThere;
  writePidFile(home.run, RUNNER, runner.pid);
  const set = {
    home,
    topology: 'single',
    experiments: [],
    openSystem: () => Promise.reject(new Error('expected no experiment')),
    seed: 1,
    intensity: 'low',
    say,
    onResult: () => undefined,
    signal: AbortSignal.timeout(60_000),
  } as const;
  assert.equal(await runSet(set), undefined);
  assert.match(said.at(-1) ?? '', new RegExp(`process ${runner.pid}`));
  assert.equal(await stopRunner(home, say), 0);
  await runner.whenGone;
  assert.equal(await stopRunner(home, say), 0);
  assert.equal(said.at(-1), 'nothing runs');
  assert.equal((await runSet(set))?.results.length, 0);
  assert.equal(claimFolder(home.run, RUNNER), undefined, 'the folder is given back');
});

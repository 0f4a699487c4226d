import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { waitForExit } from './child-process.ts';
import { projectRoot } from './local-home.ts';
import { describeProcess } from './pid-file.ts';
import { poll } from './poll.ts';
import { findFreePort, isPortFree } from './port.ts';

interface Stage {
  readonly folder: string;
  readonly port: number;
}

async function openStage(t: TestContext): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-supervisor-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { folder, port: await findFreePort() };
}

/** Starts a supervisor and waits for its first line: "ready", or what is in the way. */
async function supervise(t: TestContext, stage: Stage): Promise<{ child: ChildProcess; lines: string[]; firstLine: string }> {
  const child = spawn(process.execPath, ['lib/dev/fixtures/supervising-program.ts', stage.folder, `${stage.port}`], { cwd: projectRoot });
  t.after(async () => {
    child.kill('SIGTERM');
    await waitForExit(child);
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const [firstLine] = (await once(reader, 'line')) as [string];
  return { child, lines, firstLine };
}

async function programPid({ port }: Stage): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/`)).text());
}

test('a program that dies by kill -9 is started again', async (t) => {
  const stage = await openStage(t);
  const { firstLine } = await supervise(t, stage);
  assert.equal(firstLine, 'ready');
  const before = await programPid(stage);
  process.kill(before, 'SIGKILL');
  const isAnother = async () => (await programPid(stage)) !== before || undefined;
  await poll(isAnother, { deadlineMs: 60_000, what: 'another program to answer' });
});

test('a stop leaves no process and no pid file', async (t) => {
  const stage = await openStage(t);
  const { child } = await supervise(t, stage);
  const pid = await programPid(stage);
  child.kill('SIGTERM');
  await waitForExit(child);
  assert.equal(child.exitCode, 0);
  assert.equal(describeProcess(pid), undefined);
  assert.deepEqual(readdirSync(join(stage.folder, 'run')), []);
});

test('a second start while one is alive names the process that has the folder', async (t) => {
  const stage = await openStage(t);
  const first = await supervise(t, stage);
  const second = await supervise(t, { ...stage, port: await findFreePort() });
  assert.match(second.firstLine, new RegExp(`already runs here as process ${first.child.pid}`));
  await waitForExit(second.child);
  assert.equal(second.child.exitCode, 1);
});

test('after kill -9 of the supervisor its program ends, and the next start works', async (t) => {
  const stage = await openStage(t);
  const first = await supervise(t, stage);
  const pid = await programPid(stage);
  first.child.kill('SIGKILL');
  await waitForExit(first.child);
  await poll(() => (describeProcess(pid) ? undefined : true), { deadlineMs: 30_000, what: 'the program to end with its supervisor' });
  const second = await supervise(t, stage);
  await poll(() => (second.lines.includes('ready') ? true : undefined), { deadlineMs: 30_000, what: 'the second start' });
});

test('a frozen leftover of a killed supervisor is ended by the next start', async (t) => {
  const stage = await openStage(t);
  const first = await supervise(t, stage);
  const pid = await programPid(stage);
  process.kill(pid, 'SIGSTOP');
  first.child.kill('SIGKILL');
  await waitForExit(first.child);
  const second = await supervise(t, stage);
  const isOver = (): boolean => second.lines.includes('ready') || second.child.exitCode !== null;
  await poll(() => isOver() || undefined, { deadlineMs: 60_000, what: 'the second start' });
  assert.deepEqual(second.lines.slice(1), ['ready']);
  assert.match(second.firstLine, /ending what an earlier run has left: answering/);
  assert.equal(describeProcess(pid), undefined);
});

test('a taken port is named with the variable that changes it, and nothing is started', async (t) => {
  const stage = await openStage(t);
  const squatter = createServer().listen(stage.port, '127.0.0.1');
  t.after(() => squatter.close());
  await once(squatter, 'listening');
  assert.equal(await isPortFree(stage.port), false);
  const { firstLine } = await supervise(t, stage);
  assert.equal(firstLine, `port ${stage.port} is taken, set ANSWERING_PORT to another one.`);
  assert.deepEqual(readdirSync(join(stage.folder, 'run')), []);
});

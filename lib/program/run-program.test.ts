import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const FIXTURE = fileURLToPath(new URL('./fixtures/obedient-program.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function run(
  t: TestContext,
  ...[behaviour, ...more]: readonly string[]
): { child: ChildProcess; started: Promise<void>; ended: Promise<Ended> } {
  const child = fork(FIXTURE, [behaviour ?? 'obey', ...more], { silent: true });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  const started = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        output += bytes.toString();
        if (output.includes('"msg":"started"')) resolve();
      });
    }
  });
  // Not its `close` event: Node never emits it once the IPC channel was disconnected from this side.
  const drained = Promise.all([child.stdout, child.stderr].map((stream) => (stream === null ? Promise.resolve() : once(stream, 'close'))));
  const ended = once(child, 'exit').then(async ([code, signal]) => {
    await drained;
    return { code: code as number | null, signal: signal as string | null, output };
  });
  return { child, started, ended };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops it cleanly, with 0, and a second one changes nothing`, async (t) => {
    const { child, started, ended } = run(t, 'obey');
    await started;
    child.kill(signal);
    child.kill(signal);
    const { code, output } = await ended;
    assert.equal(code, 0, output);
    assert.match(output, /"msg":"stopped"/);
  });
}

test('it stops when its supervisor goes away', async (t) => {
  const { child, started, ended } = run(t, 'obey');
  await started;
  child.disconnect();
  const { code, output } = await ended;
  assert.equal(code, 0, output);
  assert.match(output, /supervisor gone/);
});

test('a stop that hangs ends at its deadline, with 1', async (t) => {
  const { child, started, ended } = run(t, 'hang');
  await started;
  child.kill('SIGTERM');
  const { code, output } = await ended;
  assert.equal(code, 1, output);
  assert.match(output, /expected to stop within 2000 ms/);
});

for (const [behaviour, text, expected] of [
  ['throw', 'uncaught error', 1],
  ['reject', 'uncaught error', 1],
  ['fail', 'cannot go on', 1],
  ['start-fails', 'could not start', 1],
  ['misconfigured', 'LOG_LEVEL', 78],
] as const) {
  test(`${behaviour}: it says so and exits with ${expected}`, async (t) => {
    const { code, output } = await run(t, behaviour).ended;
    assert.equal(code, expected, output);
    assert.match(output, new RegExp(text));
  });
}

test('a blocked event loop kills the process; its last line names the message in hand and the place, and the next start counts it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-watchdog-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'watchdog.json');
  writeFileSync(file, JSON.stringify({ count: 1, at: '2026-11-22T10:00:00.000Z', inHand: null, isTold: true }));
  const { signal, output } = await run(t, 'block', file).ended;
  assert.equal(signal, 'SIGKILL', output);
  const line = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual([line['level'], line['program'], line['msg']], ['fatal', 'obedient', 'event loop blocked']);
  assert.deepEqual([line['actor'], line['messageId'], line['stream'], line['seq']], ['slack', 'poison', 'COMMANDS', 7]);
  const [place] = line['stack'] as readonly string[];
  assert.match(place ?? '', /^standStill .*obedient-program\.ts:\d+$/);
  const next = async (): Promise<string> => {
    const { child, started, ended } = run(t, 'count', file);
    await started;
    child.kill('SIGTERM');
    return (await ended).output;
  };
  const second = await next();
  assert.match(second, /"count":2,"msg":"counted"/);
  assert.match(second, /"messageId":"poison"[^\n]*the watchdog has ended the last process/);
  assert.doesNotMatch(await next(), /the watchdog has ended/, 'it is told once');
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { freezeChild, spawnServer, stopChild } from './child-process.ts';
import { poll } from './poll.ts';

test('a process that is frozen stands still when the call returns, however busy it is', async (t) => {
  const child = spawnServer({ command: '/bin/sh', args: ['-c', 'while :; do :; done'] });
  t.after(() => stopChild(child, 'SIGKILL', 0));
  const stat = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  await poll(() => /\(sh\) R/.test(stat()) || undefined, { deadlineMs: 30_000, what: 'the shell to be busy' });
  for (let round = 0; round < 10; round += 1) {
    freezeChild(child);
    assert.match(stat(), /\(sh\) T/);
    child.kill('SIGCONT');
    await poll(() => /\(sh\) R/.test(stat()) || undefined, { deadlineMs: 30_000, what: 'the shell to go on' });
  }
});

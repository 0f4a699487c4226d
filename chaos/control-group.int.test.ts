import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createControlGroup, removeControlGroups } from './control-group.ts';

test('a group takes a process in and lets it go on without it, or says why there can be none', async (t) => {
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("."); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const isIn = () => readFileSync(`/proc/${child.pid}/cgroup`, 'utf8').includes(`visapi-chaos-${process.pid}-`);
  for (const limit of [{ kind: 'cpu', cores: 0.5 } as const, { kind: 'memory', bytes: 64 * 1024 ** 2 } as const]) {
    const group = createControlGroup(limit);
    if (typeof group === 'string') {
      assert.match(group, new RegExp(`${limit.kind} cannot be made here`));
      continue;
    }
    group.add(child.pid!);
    assert.ok(isIn(), limit.kind);
    group.remove();
    assert.ok(!isIn(), limit.kind);
  }
  removeControlGroups();
  assert.equal(child.exitCode, null);
});

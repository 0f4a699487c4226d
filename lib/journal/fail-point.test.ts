import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { armFailPoint, FAIL_POINTS } from './fail-point.ts';

test('docs/durability.md has every fail-point as a row, in their order', () => {
  const page = readFileSync(new URL('../../docs/durability.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| `(?:accept|relay)\./.test(line));
  assert.deepEqual(
    rows,
    Object.entries(FAIL_POINTS).map(([name, { done, next, mended }]) => `| \`${name}\` | ${done} | ${next} | ${mended} |`),
  );
});

test('the process dies at the nth pass of the armed fail-point, and at no other', () => {
  const program = `
    import { armFailPoint, failPoint } from ${JSON.stringify(new URL('fail-point.ts', import.meta.url).href)};
    armFailPoint('accept.written:3');
    for (let pass = 1; pass <= 5; pass += 1) {
      failPoint('relay.removed');
      console.log(pass);
      failPoint('accept.written');
    }`;
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.deepEqual([signal, stdout], ['SIGKILL', '1\n2\n3\n']);
});

test('a fail-point that does not exist is refused', () => {
  for (const text of ['accept', 'accept.written:0', 'accept.written:x', 'toString']) {
    assert.throws(() => armFailPoint(text), { code: 'invalid_config' });
  }
});

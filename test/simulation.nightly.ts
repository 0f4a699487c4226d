import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../lib/dev/local-home.ts';
import { testSeed } from '../lib/dev/test-seed.ts';

/** Ten times what each change is tried with. */
const WORLDS = 100_000;

test(`${WORLDS} worlds that chance plays with come to their end without a loss, from another seed each night`, async (t) => {
  t.diagnostic(`from seed ${testSeed}`);
  const child = spawn(process.execPath, [join(projectRoot, 'scripts/simulate.ts'), '--seeds', String(WORLDS), '--from', String(testSeed)], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SetResult } from '../chaos/set-run.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { nodeEnvironment } from '../lib/dev/program.ts';
import { releaseWorkflow, SECRET } from '../lib/dev/release-events.ts';
import { openSystem } from './system-bed.ts';

test('an experiment by the API alone runs against a system that others have started, and leaves it as it was', async (t) => {
  const system = await openSystem(t, [releaseWorkflow('chaos', 'hold').replaceAll('chaos/', 'chaos-')]);
  const pids = () => [system.broker, ...Object.values(system.programs)].map(({ pid }) => pid);
  const before = pids();
  // Somebody else's event, which is none of the run's business.
  const { status } = await system.post({ repository: 'octo/hello', tag: 'v1' });
  assert.equal(status, 202);
  const file = join(system.logFolder, 'target.json');
  writeFileSync(
    file,
    JSON.stringify({
      ingestUrl: system.ingestUrl,
      opsUrls: Object.fromEntries(Object.entries(system.programs).map(([name, { readyUrl }]) => [name, new URL(readyUrl).origin])),
      natsUrl: system.broker.url,
      databaseUrl: system.env['DATABASE_URL'],
      sinkUrl: system.sink.url,
      demo: { source: 'github', secret: SECRET },
    }),
  );
  const chaos = (...words: string[]): Promise<{ code: number; said: string }> =>
    new Promise((resolve) => {
      const env = { ...nodeEnvironment, VISAPI_HOME: join(system.logFolder, 'home') };
      const args = [join(projectRoot, 'chaos/main.ts'), ...words, '--target', file, '--out', system.logFolder];
      execFile(process.execPath, args, { env, timeout: 150_000 }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, said: stdout + stderr }),
      );
    });

  const { code, said } = await chaos('delete-consumers', '--seed', '3');
  assert.equal(code, 0, said);
  const { results } = JSON.parse(readFileSync(join(system.logFolder, 'target-delete-consumers.json'), 'utf8')) as SetResult;
  const [result] = results;
  assert.ok(result !== undefined && result.acknowledged > 0);
  assert.deepEqual([result.problems, result.arrived, result.harms.other], [[], result.acknowledged, 6]);
  assert.deepEqual(pids(), before);

  const refused = await chaos('step-down');
  assert.deepEqual([refused.code, /several copies: this target's has one/.test(refused.said)], [2, true], refused.said);
});

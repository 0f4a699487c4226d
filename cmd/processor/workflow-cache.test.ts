import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../lib/actor/simulation/silence.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { RunReader, StoredWorkflow } from '../../lib/workflow/run-reader.ts';
import { WorkflowCache } from './workflow-cache.ts';

const SAVED: StoredWorkflow = {
  name: 'w',
  version: 1,
  document: { name: 'w', on: { event: 'a.b' }, steps: [{ id: 's', uses: 'slack.send', with: { channel: '#a', text: 'x' } }] },
};

test('a refresh does not share a read that began before it, and later ones share the next', async () => {
  const reads: ((workflows: readonly StoredWorkflow[]) => void)[] = [];
  const reader = {
    enabledWorkflows: () => new Promise<readonly StoredWorkflow[]>((resolve) => reads.push(resolve)),
  } as Partial<RunReader> as RunReader;
  const cache = new WorkflowCache(reader, systemClock, silentLog);
  const early = cache.refresh();
  await Promise.resolve();
  assert.equal(reads.length, 1);
  // The workflow is saved now; the read under way may not see it.
  const late = [cache.refresh(), cache.refresh()];
  reads[0]?.([]);
  assert.deepEqual(await early, []);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(reads.length, 2);
  reads[1]?.([SAVED]);
  for (const workflows of await Promise.all(late))
    assert.deepEqual(
      workflows.map(({ name }) => name),
      ['w'],
    );
});

/** The runbook's own commands, with the real `nats` tool. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { localHome } from '../lib/dev/local-home.ts';
import { findNatsCli } from '../lib/dev/nats-cli.ts';
import { scaled } from '../lib/dev/test-scale.ts';
import { listReplays } from '../lib/store/replays.ts';
import { openReplayBed, type ReplayBed } from './replay/replay-bed.ts';
import { until } from './system-bed.ts';

const run = promisify(execFile);
const COUNT = scaled({ day: 36, night: 10_000 });
const WITHIN_MS = scaled({ day: 30_000, night: 600_000 });
/** Between two looks: by night the rows are many, and each look of the tool's is a process for each lane. */
const LOOK_MS = scaled({ day: 0, night: 500 });

/** The commands of a page, block by block. */
function shellBlocks(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
}

test("the runbook's commands with the nats tool alone replay a lane: nothing runs twice, and there is a row and an audit row of it", async (t) => {
  const search = { cache: localHome('.visapi').cache, say: (line: string) => t.diagnostic(line) };
  const cli = await findNatsCli(search).catch((error: unknown) => t.skip(`${String(error)} See docs/limits.md.`));
  if (cli === undefined) return;
  const bed = await openReplayBed(t);
  bed.startWorkflow();
  const lastSeq = await bed.publish({ count: COUNT, keys: 12 });
  await until('all is done', async () => bed.effects.length === 2 * COUNT && (await doneRuns(bed)) === COUNT, WITHIN_MS);

  const from = Math.floor(lastSeq / 2) + 1;
  const [pause = '', bounds = '', pending = '', reset = ''] = shellBlocks('runbooks/replay.md');
  const env = { PATH: `${dirname(cli)}:${process.env['PATH']}`, HOME: localHome('.visapi').cache, NATS_URL: bed.natsUrl };
  // By day the lanes that have events: each command is a process for each lane.
  const actor = scaled({ day: 'workflow-default', night: 'workflow' });
  const shell = async (...blocks: string[]): Promise<string> => {
    const script = blocks.join('\n').replace('FROM=41877', `FROM=${from}`).replace('ACTOR=workflow', `ACTOR=${actor}`);
    return (await run('sh', ['-ec', script], { env })).stdout;
  };
  const names = pause.split('\n').slice(0, 2).join('\n');
  await shell(pause);
  assert.match(await shell(names, bounds), new RegExp(`"last_seq": ${lastSeq}`));
  await until('nothing is under way', async () => !/"num_ack_pending": [1-9]/.test(await shell(names, pending)));
  await shell(names, reset);

  const byHand = async () => {
    await wait(LOOK_MS);
    return (await listReplays(bed.database, {}, 100)).filter(({ id }) => id.startsWith('hand-'));
  };
  const handled = async (): Promise<number> => (await byHand()).reduce((sum, replay) => sum + replay.handled, 0);
  await until('all from there is replayed', async () => (await handled()) >= COUNT - from + 1, WITHIN_MS);
  await until('every replay is done', async () => (await byHand()).every(({ status }) => status === 'done'), WITHIN_MS);
  assert.equal(await handled(), COUNT - from + 1);
  assert.equal(bed.effects.length, 2 * COUNT, 'nothing runs twice');
  const audit = await bed.database.query<{ target: string }>({ text: `select target from audit_log where action = 'replay.begin'` });
  assert.deepEqual(audit.map(({ target }) => target).toSorted(), (await byHand()).map(({ id }) => id).toSorted());
});

async function doneRuns(bed: ReplayBed): Promise<number> {
  await wait(LOOK_MS);
  const [row] = await bed.database.query<{ done: number }>({ text: `select count(*)::int as done from runs where status = 'done'` });
  return row!.done;
}

/**
 * Replay: a part of the log handled once more by one actor. In `npm test` with a few hundred events, at night with the ten thousand of
 * the promise.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { slotOf } from '../lib/core/slot.ts';
import { scaled } from '../lib/dev/test-scale.ts';
import type { ActorHost } from '../lib/host/actor-host.ts';
import type { ReplaySummary } from '../lib/store/replays.ts';
import { countByText, openReplayBed, type ReplayBed } from './replay/replay-bed.ts';
import { until } from './system-bed.ts';

const COUNT = scaled({ day: 96, night: 10_008 });
const KEYS = 12;
const WITHIN_MS = scaled({ day: 30_000, night: 600_000 });

/** Of what is paused or aborted in its middle: by day the slice takes ten seconds, longer than a person's command on a busy machine. */
const SLOW_RATE = scaled({ day: '10', night: '60' });

/** Between two looks at the store: by night its rows are many. */
const LOOK_MS = scaled({ day: 0, night: 250 });

interface DryRun {
  readonly total: number;
  readonly first: readonly { readonly seq: number }[];
  readonly effects: readonly { readonly actor: string; readonly run: number; readonly done: number }[];
}

/** Everything that has run once, and the sequence of the last event. */
async function openHandled(t: TestContext, count = COUNT): Promise<{ bed: ReplayBed; workflow: ActorHost; lastSeq: number }> {
  const bed = await openReplayBed(t);
  const workflow = bed.startWorkflow();
  const lastSeq = await bed.publish({ count, keys: KEYS });
  await until('every event is told by slack and by e-mail', () => bed.effects.length === 2 * count && allRunsDone(bed, count), WITHIN_MS);
  return { bed, workflow, lastSeq };
}

async function allRunsDone(bed: ReplayBed, count: number): Promise<boolean> {
  await wait(LOOK_MS);
  const [row] = await bed.database.query<{ done: number }>({ text: `select count(*)::int as done from runs where status = 'done'` });
  return row!.done >= count;
}

async function replay(bed: ReplayBed, ...words: string[]): Promise<ReplaySummary> {
  const { code, stdout, stderr } = await bed.tool.run('replay', ...words, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as ReplaySummary;
}

test('a replay: looked at first, a slice beside what is live, in place, and by a reset of the consumers alone', async (t) => {
  const { bed, lastSeq } = await openHandled(t);
  let seen = bed.effects.length;
  const fresh = (): ReplayBed['effects'] => {
    const last = bed.effects.slice(seen);
    seen = bed.effects.length;
    return last;
  };
  const settled = async (): Promise<void> => {
    await until(
      'no run is open',
      async () => {
        await wait(LOOK_MS);
        return (await bed.database.query({ text: `select from runs where status = 'running' limit 1` })).length === 0;
      },
      WITHIN_MS,
    );
  };

  await t.test('the dry run counts the events and says which effects would run', async () => {
    const { stdout } = await bed.tool.run(
      'replay',
      '--actor',
      'workflow',
      '--from-seq',
      '1',
      '--to-seq',
      String(lastSeq),
      '--repeat-effects',
      'slack',
      '--dry-run',
      '--json',
    );
    const dry = JSON.parse(stdout) as DryRun;
    assert.equal(dry.total, COUNT);
    assert.deepEqual(
      dry.first.map(({ seq }) => seq),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    assert.deepEqual(dry.effects, [
      { actor: 'email', run: 0, done: COUNT },
      { actor: 'slack', run: COUNT, done: 0 },
    ]);
    assert.deepEqual(fresh(), []);
  });

  await t.test('what the log does not have is refused', async () => {
    const { code, stderr } = await bed.tool.run('replay', '--actor', 'workflow', '--from-seq', String(lastSeq + 1));
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`expected a sequence from 1 to ${lastSeq}`));
    assert.equal((await bed.tool.run('replay', '--actor', 'nobody', '--since', '1h')).code, 3);
    assert.equal((await bed.tool.run('replay', '--actor', 'workflow', '--key', 'no such key')).code, 3);
  });

  await t.test('a slice is handled once more and nothing runs twice', async () => {
    const done = await replay(bed, '--actor', 'workflow', '--since', '1h', '--rate', 'none');
    assert.deepEqual({ status: done.status, handled: done.handled, skipped: done.skipped }, { status: 'done', handled: COUNT, skipped: 0 });
    await settled();
    assert.deepEqual(fresh(), []);
  });

  await t.test('repeated effects of one key happen once more, in order, where they are diverted to, and no others', async () => {
    const done = await replay(
      bed,
      '--actor',
      'workflow',
      '--key',
      'k3',
      '--type',
      'order.paid',
      '--repeat-effects',
      'slack',
      '--divert-to',
      '#test',
      '--rate',
      'none',
    );
    assert.equal(done.handled, COUNT / KEYS);
    await settled();
    const wanted = Array.from({ length: COUNT / KEYS }, (_, number) => ({ actor: 'slack', text: `k3 ${number}`, to: '#test' }));
    assert.deepEqual(
      fresh().map(({ actor, text, to }) => ({ actor, text, to })),
      wanted,
    );
  });

  await t.test('in place from a sequence nothing runs twice, and with repeated effects exactly those', async () => {
    const from = Math.floor(COUNT / 2) + 1;
    const done = await replay(bed, '--actor', 'workflow', '--from-seq', String(from));
    assert.deepEqual(
      { kind: done.kind, status: done.status, handled: done.handled },
      { kind: 'in-place', status: 'done', handled: COUNT - from + 1 },
    );
    await settled();
    assert.deepEqual(fresh(), []);
    await replay(bed, '--actor', 'workflow', '--from-seq', String(from), '--repeat-effects', 'slack');
    await settled();
    const again = fresh();
    assert.deepEqual(new Set(again.map(({ actor }) => actor)), new Set(['slack']));
    assert.equal(again.length, COUNT - from + 1);
    assert.ok([...countByText(again, 'slack').values()].every((times) => times === 1));
    await bed.publishOne('k1', COUNT, 'order.live');
    await until('what is live goes on', () => bed.effects.length === seen + 2);
    fresh();
  });

  await t.test('a replay is paused, resumed and aborted, and what is live goes on', async () => {
    const slice = ['--actor', 'workflow', '--since', '1h', '--type', 'order.paid', '--rate', SLOW_RATE, '--detach'] as const;
    const first = await replay(bed, ...slice);
    const through = async (id: string): Promise<number> => (await shown(bed, id)).handled;
    await until('it has begun', async () => (await through(first.id)) > 0);
    assert.equal((await bed.tool.run('replay', 'pause', first.id)).code, 0);
    let paused = 0;
    await until('it stands still', async () => {
      paused = await through(first.id);
      await wait(1_500);
      return (await through(first.id)) === paused;
    });
    assert.ok(paused < COUNT);
    const { id, status } = await shown(bed, first.id);
    assert.equal(status, 'paused');
    await replay(bed, 'abort', id);
    assert.equal((await bed.tool.run('replay', 'resume', id)).code, 1);
    const second = await replay(bed, ...slice.map((word) => (word === SLOW_RATE ? '2000' : word)));
    await bed.tool.run('replay', 'pause', second.id);
    assert.equal((await replay(bed, 'resume', second.id)).handled, COUNT);

    const inPlace = await replay(bed, '--actor', 'workflow', '--from-seq', '1', '--rate', SLOW_RATE, '--detach');
    await until('it has begun', async () => (await through(inPlace.id)) > 0);
    await replay(bed, 'abort', inPlace.id);
    await bed.publishOne('k1', COUNT + 1, 'order.live');
    await until('what is live goes on', () => bed.effects.length === seen + 2);
    assert.ok((await through(inPlace.id)) < COUNT);
    assert.equal(fresh().length, 2);
  });

  await t.test('a consumer that is reset by hand is a replay with an audit row, and its effects are skipped', async () => {
    const partition = slotOf('k3') % 4;
    const byHand = async (): Promise<ReplaySummary | undefined> => (await listed(bed)).find(({ id }) => id.startsWith('hand-'));
    // The owner may be about to point the consumer itself, and then it does not see the reset: whoever resets looks, and does it again.
    let dueAt = 0;
    await until(
      'the replay is done',
      async () => {
        const found = await byHand();
        if (found === undefined && performance.now() > dueAt) {
          await requestApi(bed.connection, `$JS.API.CONSUMER.RESET.EVENTS.workflow-default-${partition}`, { seq: 2 });
          dueAt = performance.now() + 5_000;
        }
        return found?.status === 'done';
      },
      WITHIN_MS,
    );
    assert.ok((await byHand())!.handled > 0);
    await settled();
    assert.deepEqual(fresh(), []);
    const audit = await bed.database.query<{ action: string }>({ text: `select action from audit_log where target like 'hand-%'` });
    assert.deepEqual(audit, [{ action: 'replay.begin' }]);
  });

  await t.test('a consumer that is reset past what was handled is put back', async () => {
    const partition = slotOf('k3') % 4;
    await requestApi(bed.connection, `$JS.API.CONSUMER.RESET.EVENTS.workflow-default-${partition}`, { seq: lastSeq + 100 });
    await bed.publishOne('k3', COUNT, 'order.live');
    await until('the event is handled', () => bed.effects.length === seen + 2);
    fresh();
  });
});

async function shown(bed: ReplayBed, id: string): Promise<ReplaySummary> {
  return JSON.parse((await bed.tool.run('replay', 'show', id, '--json')).stdout) as ReplaySummary;
}

async function listed(bed: ReplayBed): Promise<ReplaySummary[]> {
  return JSON.parse((await bed.tool.run('replay', 'list', '--json')).stdout) as ReplaySummary[];
}

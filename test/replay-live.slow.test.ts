/**
 * A slice beside what is live: the tool that began it is killed, the processor that does it is killed, and each event is handled
 * once more all the same; what is live does not notice, and the rate is kept.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { projectRoot } from '../lib/dev/local-home.ts';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { listReplays, readReplay, type ReplaySummary } from '../lib/store/replays.ts';
import { countByText, openReplayBed, type ReplayBed } from './replay/replay-bed.ts';
import { until } from './system-bed.ts';

const COUNT = scaled({ day: 120, night: 10_000 });
/** What `visapi replay` does by itself. */
const RATE = 100;
const LIVE_PER_SECOND = scaled({ day: 20, night: 100 });
const BASELINE_MS = scaled({ day: 500, night: 30_000 });
const KEYS = 40;
const WITHIN_MS = scaled({ day: 30_000, night: 600_000 });

/** Of the rate. By day all is through in little more than a second, and what is recorded together is a tenth of that. */
const MOST = scaled({ day: 1.5, night: 1.1 });

/** Between two looks at the store: by night its rows are many, and looking must not be what is measured. */
const LOOK_MS = scaled({ day: 50, night: 250 });

/** Publishes live events at an even rate until it is told to stop, and says how long each took until its effect. */
class LiveTraffic {
  readonly #bed: ReplayBed;
  readonly #sent = new Map<string, number>();
  #isStopped = false;
  readonly #run: Promise<void>;

  constructor(bed: ReplayBed, prefix: string) {
    this.#bed = bed;
    this.#run = this.#send(prefix);
  }

  /** Waits for the last effect. @returns milliseconds from publishing to the effect, ascending */
  async stop(): Promise<number[]> {
    this.#isStopped = true;
    await this.#run;
    const arrived = new Map<string, number>();
    await until('what is live has arrived', () => {
      for (const { actor, text, at } of this.#bed.effects) if (actor === 'slack' && this.#sent.has(text)) arrived.set(text, at);
      return arrived.size === this.#sent.size;
    });
    return [...this.#sent].map(([text, at]) => arrived.get(text)! - at).sort((a, b) => a - b);
  }

  async #send(prefix: string): Promise<void> {
    const begun = performance.now();
    for (let i = 0; !this.#isStopped; i++) {
      await wait(Math.max(0, begun + (i * 1_000) / LIVE_PER_SECOND - performance.now()));
      const key = `${prefix}${i % KEYS}`;
      this.#sent.set(`${key} ${i}`, Date.now());
      await this.#bed.publishOne(key, i, 'order.live');
    }
  }
}

async function openHandled(t: TestContext, begin: (bed: ReplayBed) => unknown): Promise<ReplayBed> {
  const bed = await openReplayBed(t);
  begin(bed);
  await bed.publish({ count: COUNT, keys: KEYS });
  await until('every run is done', async () => (await openRuns(bed)) === 0 && bed.effects.length === 2 * COUNT, WITHIN_MS);
  return bed;
}

async function openRuns(bed: ReplayBed): Promise<number> {
  await wait(LOOK_MS);
  const [row] = await bed.database.query<{ open: number }>({ text: `select count(*)::int as open from runs where status = 'running'` });
  return row!.open;
}

const SLICE = ['--actor', 'workflow', '--since', '1h', '--type', 'order.paid', '--repeat-effects', 'slack', '--rate', String(RATE)];

async function theReplay(bed: ReplayBed): Promise<ReplaySummary> {
  return (await listReplays(bed.database, {}, 1))[0]!;
}

function assertOnceMore(bed: ReplayBed): void {
  const told = [...countByText(bed.effects, 'slack')].filter(([text]) => text.startsWith('k'));
  assert.equal(told.length, COUNT);
  assert.deepEqual(
    told.filter(([, times]) => times !== 2),
    [],
    'each event is told once more, none twice',
  );
  const mailed = [...countByText(bed.effects, 'email')].filter(([text, times]) => text.startsWith('k') && times !== 1);
  assert.deepEqual(mailed, [], 'no other effect is repeated');
  for (let key = 0; key < KEYS; key++) {
    const again = bed.effects.filter(({ actor, text }) => actor === 'slack' && text.startsWith(`k${key} `)).slice(COUNT / KEYS);
    assert.deepEqual(
      again.map(({ text }) => Number(text.split(' ')[1])),
      again.map((_effect, number) => number),
      'in the order of its key',
    );
  }
}

test('a slice whose tool is killed goes on: each event once more, none twice, at its rate, and what is live does not notice', async (t) => {
  const bed = await openHandled(t, (opened) => opened.startWorkflow());
  const before = new LiveTraffic(bed, 'before');
  await wait(BASELINE_MS);
  const alone = percentile(await before.stop(), 0.99);

  const live = new LiveTraffic(bed, 'live');
  const tool = spawn(process.execPath, [join(projectRoot, 'cmd/visapi/main.ts'), 'replay', ...SLICE], {
    env: bed.tool.env,
    stdio: 'ignore',
  });
  t.after(() => tool.kill('SIGKILL'));
  const marks: { at: number; handled: number }[] = [];
  await until('a fifth is through', () => passes(bed, marks, COUNT / 5), WITHIN_MS);
  tool.kill('SIGKILL');
  const { id } = await theReplay(bed);
  const resumed = bed.tool.run('replay', 'resume', id, '--json');
  await until('all is through', () => passes(bed, marks, COUNT), WITHIN_MS);
  assert.equal((await resumed).code, 0);
  const beside = percentile(await live.stop(), 0.99);
  await until('every run has ended', async () => (await openRuns(bed)) === 0, WITHIN_MS);

  assertOnceMore(bed);
  const done = await readReplay(bed.database, id);
  assert.deepEqual(
    { status: done?.status, handled: done?.handled, skipped: done?.skipped },
    { status: 'done', handled: COUNT, skipped: 0 },
  );
  const rate = rateOf(marks);
  t.diagnostic(`rate ${rate.toFixed(1)}/s of ${RATE}/s; live p99 ${alone} ms alone, ${beside} ms beside the replay`);
  assert.ok(rate < RATE * MOST, `${rate}/s is more than was asked for`);
  // Beside other tests nothing can be said about speed.
  if (isNight) assert.ok(rate > RATE * 0.9 && beside < 2 * alone, `rate ${rate}/s, p99 ${alone} ms and ${beside} ms`);
});

// By day the conformance suite does it, without processes.
const byNight = isNight ? test : (): void => undefined;
void byNight('a slice whose processor is killed again and again is handled once more, none twice', async (t) => {
  let processor = undefined as ReturnType<ReplayBed['spawnWorkflow']> | undefined;
  const bed = await openHandled(t, (opened) => (processor = opened.spawnWorkflow()));
  const running = bed.tool.run('replay', ...SLICE, '--json');
  for (const part of [0.2, 0.5, 0.8]) {
    await until(`${part} is through`, async () => (await handledOf(bed)) >= COUNT * part, WITHIN_MS);
    processor!.kill('SIGKILL');
    processor = bed.spawnWorkflow();
  }
  assert.equal((await running).code, 0);
  await until('every run has ended', async () => (await openRuns(bed)) === 0, WITHIN_MS);
  assertOnceMore(bed);
});

async function handledOf(bed: ReplayBed): Promise<number> {
  const [replay] = await listReplays(bed.database, {}, 1);
  return replay === undefined ? 0 : replay.handled + replay.skipped;
}

async function passes(bed: ReplayBed, marks: { at: number; handled: number }[], count: number): Promise<boolean> {
  await wait(LOOK_MS);
  const handled = await handledOf(bed);
  marks.push({ at: performance.now(), handled });
  return handled >= count;
}

/** Between a tenth and nine tenths, so that begin and end do not count. */
function rateOf(marks: readonly { at: number; handled: number }[]): number {
  const first = marks.find(({ handled }) => handled >= COUNT * 0.1)!;
  const last = marks.find(({ handled }) => handled >= COUNT * 0.9)!;
  // Nobody has looked in between.
  if (first === last) return 0;
  return ((last.handled - first.handled) * 1_000) / (last.at - first.at);
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

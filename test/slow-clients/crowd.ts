import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { poll } from '../../lib/dev/poll.ts';
import { scaled } from '../../lib/dev/test-scale.ts';
import { DEFAULT_EDGE_LIMITS, type EdgeLimits } from '../../lib/http/edge-limits.ts';
import { startLoadGenerator } from '../../perf/load/load-generator.ts';
import { median, percentile } from '../../perf/load/samples.ts';
import type { DoorJob, SlowJob, SlowReport } from './slow-job.ts';

// Connections that send too slowly and others that send nothing: live traffic hardly notices, and each of them is
// ended by the door's own limit. The door, the slow clients and the live traffic are three processes.

const SECRET = 'a secret for tests';
type Limits = Pick<EdgeLimits, 'headersTimeoutMs' | 'requestTimeoutMs' | 'connectionTimeoutMs' | 'keepAliveTimeoutMs' | 'checkIntervalMs'>;

/** By day below the door's own, so that connections end while it is watched. Milliseconds. */
const LIMITS = scaled<Limits>({
  day: { headersTimeoutMs: 2_000, requestTimeoutMs: 2_500, connectionTimeoutMs: 3_000, keepAliveTimeoutMs: 3_000, checkIntervalMs: 500 },
  night: DEFAULT_EDGE_LIMITS,
});
/** What Node adds to the keep-alive timeout, so that a client that is told of it does not meet a closed connection. */
const KEEP_ALIVE_BUFFER_MS = 1_000;
/** The door looks every half second, at night every second. */
const LOOK_MS = 2_500;
/** A busy machine is late, with closing and with hearing of it; without a limit of ours it would be twice as much and more. */
const SLACK_MS = 8_000;

const NOBODY = { headers: 0, body: 0, silent: 0, kept: 0 };

/** Where the generator of the load is later than this while nobody else is there, the machine is busy with something else, and the round says nothing. */
const ON_TIME_MS = 20;
const WARM_UP_SECONDS = 0.5;
/** A quiet machine answers in a millisecond or two, and twice nothing is nothing: below this the scheduler is what is measured. */
const FLOOR_MS = 5;

export interface Rounds {
  /** As many as are tried. */
  readonly tried: number;
  /** As many as have to count. */
  readonly counted: number;
  /** Each has two parts of this length. */
  readonly seconds: number;
  /** Connections that send too slowly. */
  readonly slow: number;
  /** Connections that send nothing. */
  readonly idle: number;
  /** Whether the 99th percentiles are compared: only where nothing else runs on the machine. */
  readonly isAlone: boolean;
}

function startProgram(t: TestContext, name: string) {
  const child = fork(fileURLToPath(new URL(`./${name}`, import.meta.url)));
  const gone = once(child, 'exit');
  t.after(async () => {
    if (child.connected) child.disconnect();
    await gone;
  });
  return child;
}

/** Holds the crowd and lets it go in turns, and measures live traffic in each; then lets the last of the crowd be ended. */
export async function measureCrowd(t: TestContext, rounds: Rounds): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'visapi-slow-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const door = startProgram(t, 'door-program.ts');
  door.send({ journalPath: join(folder, 'journal'), secret: SECRET, limits: LIMITS } satisfies DoorJob);
  const [port] = (await once(door, 'message')) as [number];
  const slow = startProgram(t, 'slow-program.ts');
  const load = startLoadGenerator();
  t.after(() => load.stop());

  const hold = (connections: SlowJob['connections']) => slow.send({ port, connections } satisfies SlowJob);
  const report = async (): Promise<SlowReport> => {
    slow.send('report');
    const [message] = (await once(slow, 'message')) as [SlowReport];
    return message;
  };
  const measure = async (): Promise<{ p99: number; lateness: number }> => {
    const shape = { kind: 'open', connections: 32, perSecond: 300 } as const;
    const result = await load.run({
      port,
      path: '/hooks/github',
      secret: SECRET,
      shape,
      warmUpSeconds: WARM_UP_SECONDS,
      seconds: rounds.seconds,
      pids: [],
    });
    assert.deepEqual(Object.keys(result.answers), ['202'], JSON.stringify(result.answers));
    return { p99: percentile(result.latenciesMs.sort(), 0.99), lateness: percentile(result.latenessMs.sort(), 0.99) };
  };

  const { slow: slowly, idle } = rounds;
  const crowd = { headers: slowly / 2, body: slowly / 2, silent: idle / 2, kept: idle / 2 };
  const crowdSize = slowly + idle;
  const ratios: number[] = [];
  for (let round = 0; round < rounds.tried && ratios.length < rounds.counted; round += 1) {
    hold(NOBODY);
    await poll(async () => (await report()).open === 0 || undefined, { deadlineMs: 60_000, everyMs: 100, what: 'the crowd to leave' });
    const calm = await measure();
    hold(crowd);
    await poll(async () => (await report()).open >= crowdSize * 0.98 || undefined, {
      deadlineMs: 60_000,
      everyMs: 100,
      what: 'the crowd',
    });
    const crowded = await measure();
    const { open } = await report();
    // Those that were ended are on their way back.
    if (rounds.isAlone) assert.ok(open >= crowdSize * 0.8, `expected the crowd to be there, got ${open}`);
    const isCounted = calm.lateness < ON_TIME_MS;
    if (isCounted) ratios.push(crowded.p99 / Math.max(calm.p99, FLOOR_MS));
    const verdict = isCounted ? '' : `, not counted: the machine was ${calm.lateness.toFixed(0)} ms late by itself`;
    t.diagnostic(`round ${round + 1}: p99 ${calm.p99.toFixed(1)} ms alone, ${crowded.p99.toFixed(1)} ms with ${open} others${verdict}`);
  }
  // The last ones have to end by themselves too.
  await delay(LIMITS.keepAliveTimeoutMs + KEEP_ALIVE_BUFFER_MS + LOOK_MS);
  const { longestMs, opened } = await report();
  t.diagnostic(`longest, in ms: ${JSON.stringify(longestMs)}; opened: ${JSON.stringify(opened)}`);
  assert.ok(longestMs.headers <= LIMITS.headersTimeoutMs + SLACK_MS, `headers: ${longestMs.headers}`);
  assert.ok(longestMs.silent <= LIMITS.headersTimeoutMs + SLACK_MS, `silent: ${longestMs.silent}`);
  assert.ok(longestMs.body <= LIMITS.requestTimeoutMs + SLACK_MS, `body: ${longestMs.body}`);
  assert.ok(longestMs.kept <= LIMITS.keepAliveTimeoutMs + KEEP_ALIVE_BUFFER_MS + SLACK_MS, `kept: ${longestMs.kept}`);
  if (!rounds.isAlone) return;
  assert.equal(ratios.length, rounds.counted, 'rounds in which the machine was on time');
  const ratio = median(ratios);
  assert.ok(ratio < 2, `expected less than 2 times the p99, got ${ratio.toFixed(2)} (${ratios.map((one) => one.toFixed(2)).join(', ')})`);
}

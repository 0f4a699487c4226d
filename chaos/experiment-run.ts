import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { seededRandom } from '../lib/core/seeded-random.ts';
import { checkEvidence, FINDING_KINDS, type FindingKind } from './checker.ts';
import type { ChaosHome } from './chaos-home.ts';
import { type Experiment, HARMS, type Harm, INTENSITIES, type Intensity, type Scene } from './experiment.ts';
import { readAll, waitUntilDrained } from './final-read.ts';
import { type Load, startLoad } from './load.ts';
import type { ObservedSystem } from './observed-system.ts';
import { type Band, drawTimeline, type Timeline } from './timeline.ts';

/** What one experiment gave. */
export interface ExperimentResult {
  readonly name: string;
  readonly shows: string;
  readonly fault: string;
  readonly expects: string;
  readonly seed: number;
  readonly intensity: Intensity;
  /** RFC 3339 in UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly perSecond: number;
  readonly acknowledged: number;
  /** Events whose fate their sender does not know, and those that were refused to the end. */
  readonly unknown: number;
  readonly refused: number;
  /** Requests that were not answered with 2xx. */
  readonly badTries: number;
  readonly arrived: number;
  readonly held: number;
  readonly dead: number;
  readonly harms: Readonly<Record<Harm, number>>;
  readonly findings: Readonly<Record<FindingKind, { readonly count: number; readonly examples: readonly string[] }>>;
  /** From the last fault's end to the steady state, milliseconds; undefined where it did not come back. */
  readonly recoveredMs: number | undefined;
  readonly drainedMs: number;
  /** What was not as expected, one sentence each; none where the experiment holds. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  readonly timeline: Timeline;
}

export interface RunOptions<System extends ObservedSystem> {
  readonly home: ChaosHome;
  readonly experiment: Experiment<System>;
  readonly openSystem: () => Promise<System>;
  readonly seed: number;
  readonly intensity: Intensity;
  readonly signal: AbortSignal;
}

/** Events a second: little for a busy machine, what two cores do with some air, and most of what they do. */
const PER_SECOND = { low: 40, medium: 80, high: 120 } as const;
/** A program that was just started, or a backlog that drains, is no steady state yet. */
const STEADY_WITHIN_MS = 180_000;
/** Two minutes of backlog take as long again, and a retry waits up to a minute. */
const DRAINED_WITHIN_MS = 300_000;
/** For what does not come back to its steady state: then the findings are all that is of interest. */
const HOPELESS_MS = 30_000;
const MOST_EXAMPLES = 5;

/** Carries out one experiment on a system that is opened for it. @throws the reason of `signal`, with everything undone */
export async function runExperiment<System extends ObservedSystem>({
  home,
  openSystem,
  experiment,
  seed,
  intensity,
  signal,
}: RunOptions<System>): Promise<ExperimentResult> {
  const startedAt = new Date();
  const system = await openSystem();
  const random = seededRandom(seed);
  const perSecond = PER_SECOND[intensity];
  const historyFile = join(system.folder, 'history.jsonl');
  const bands: Band[] = [];
  const notes: string[] = [];
  const problems: string[] = [];
  const harms = Object.fromEntries(HARMS.map((harm) => [harm, 0])) as Record<Harm, number>;
  let load: Load | undefined;
  try {
    // Chance of its own, so that what the load draws does not change what the fault does.
    load = startLoad({ url: system.ingestUrl, workload: system.workload, perSecond, random: seededRandom(seed + 1), historyFile });
    const { startedAt: begun } = load;
    const now = (): number => performance.now() - begun;
    const scene: Scene<System> = {
      system,
      load,
      random,
      amount: (...amounts) => amounts[INTENSITIES.indexOf(intensity)]!,
      wait: (ms) => sleep(ms, undefined, { signal }),
      async during(label, act) {
        signal.throwIfAborted();
        const from = now();
        try {
          return await act();
        } finally {
          bands.push({ label, fromMs: from, toMs: now() });
        }
      },
      count: (harm) => void (harms[harm] += 1),
      note: (line) => void notes.push(line),
      problem: (line) => void problems.push(line),
    };
    const unsteady = await untilSteady(experiment, scene);
    if (unsteady !== undefined) throw new Error(`no steady state before the fault: ${unsteady}`);
    const quietTries = load.tries.length;
    try {
      await experiment.fault.inject(scene);
    } finally {
      await experiment.undo(scene);
    }
    const undoneAt = now();
    const stillUnsteady = await untilSteady(experiment, scene);
    const recoveredMs = stillUnsteady === undefined ? now() - undoneAt : undefined;
    if (stillUnsteady !== undefined) problems.push(`the steady state did not come back: ${stillUnsteady}`);
    const sent = await load.stop();
    const stoppedAt = now();
    const undrained = await waitUntilDrained(system, sent, signal, recoveredMs === undefined ? HOPELESS_MS : DRAINED_WITHIN_MS);
    if (undrained !== undefined) problems.push(`not everything came to its end in time: ${undrained}`);
    const drainedMs = now() - stoppedAt;
    const found = await readAll(system);
    const unaccounted = [...found.unaccounted];
    if (found.missingNumbers > 0) {
      const line = `${found.missingNumbers} numbers of journals are missing`;
      // What one ingest has stored and could not answer, and another has taken on the repetition, is in the log under the other's number.
      const repeated = system.readyUrls.ingest.length === 1 ? 0 : load.repeatedInDoubt();
      if (found.missingNumbers > repeated) unaccounted.push(line);
      else notes.push(`${line}: the same events are there under another ingest's, which took the repetition`);
    }
    const findings = checkEvidence({ ...found, unaccounted, sent });
    const badTries = load.tries.slice(quietTries).filter(({ end }) => end !== 'ok').length;
    if (experiment.expects.door === 'open' && badTries > 0) problems.push(`${badTries} requests were not answered with 2xx, expected none`);
    const refused = sent.filter(({ delivery, end }) => end === 'fail' && !delivery.includes('forgery')).length;
    if (refused > 0) problems.push(`${refused} events were refused, expected none`);
    if (load.takenForgeries.length > 0) problems.push(`forgeries were taken: ${load.takenForgeries.join(', ')}`);
    for (const kind of FINDING_KINDS)
      if (findings[kind].length > 0)
        problems.push(`${findings[kind].length} ${kind}: ${findings[kind].slice(0, MOST_EXAMPLES).join('; ')}`);
    return {
      name: experiment.name,
      shows: experiment.shows,
      fault: experiment.fault.says,
      expects: experiment.expects.says,
      seed,
      intensity,
      startedAt: startedAt.toISOString(),
      seconds: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
      perSecond,
      acknowledged: sent.filter(({ end }) => end === 'ok').length,
      unknown: sent.filter(({ end }) => end === 'unknown').length,
      refused,
      badTries,
      arrived: found.arrivals?.length ?? 0,
      held: found.held,
      dead: found.dead,
      harms,
      findings: Object.fromEntries(
        FINDING_KINDS.map((kind) => [kind, { count: findings[kind].length, examples: findings[kind].slice(0, MOST_EXAMPLES) }]),
      ) as unknown as ExperimentResult['findings'],
      recoveredMs,
      drainedMs,
      problems,
      notes,
      timeline: drawTimeline({ sent, tries: load.tries, messages: found.messages, bands, loadBegan: Date.now() - now() }),
    };
  } catch (error) {
    if (!signal.aborted) problems.push(String(error));
    throw error;
  } finally {
    await load?.stop().catch(() => undefined);
    try {
      if (problems.length > 0) keep(home, experiment.name, seed, system);
    } finally {
      await system.stop();
    }
  }
}

function keep(home: ChaosHome, name: string, seed: number, system: { keepLogs(into: string): void }): void {
  system.keepLogs(join(home.kept, `${name}-${seed}`));
}

/** @returns why it did not come in time; undefined where it did */
async function untilSteady<System extends ObservedSystem>(
  experiment: Experiment<System>,
  scene: Scene<System>,
): Promise<string | undefined> {
  const end = performance.now() + STEADY_WITHIN_MS;
  for (;;) {
    // Longer than what the steady state looks back to, so that none of it is from before.
    await scene.wait(500);
    const why = await experiment.steadyState.whyNot(scene);
    if (why === undefined || performance.now() > end) return why;
  }
}

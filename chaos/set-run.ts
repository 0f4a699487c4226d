import { mkdirSync } from 'node:fs';
import { claimFolder, removePidFile } from '../lib/dev/pid-file.ts';
import { type ChaosHome, clearLeftovers, RUNNER } from './chaos-home.ts';
import type { Experiment, Intensity } from './experiment.ts';
import { type ExperimentResult, runExperiment } from './experiment-run.ts';
import { whyMissing } from './machine.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { Topology } from './topology.ts';

/** What a set of experiments gave. */
export interface SetResult {
  readonly topology: Topology;
  readonly seed: number;
  readonly intensity: Intensity;
  readonly startedAt: string;
  readonly seconds: number;
  readonly results: readonly ExperimentResult[];
  /** What this machine cannot do, with the reason. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
  /** What broke before it had a result. */
  readonly failed: readonly { readonly name: string; readonly why: string }[];
  readonly isInterrupted: boolean;
}

export interface SetOptions<System extends ObservedSystem> {
  readonly home: ChaosHome;
  readonly topology: Topology;
  readonly experiments: readonly Experiment<System>[];
  readonly openSystem: (experiment: Experiment<System>) => Promise<System>;
  readonly seed: number;
  readonly intensity: Intensity;
  readonly say: (line: string) => void;
  readonly onResult: (result: ExperimentResult) => void;
  readonly signal: AbortSignal;
}

/** Carries out one experiment after the other. @returns undefined where another runner has the folder */
export async function runSet<System extends ObservedSystem>({
  home,
  topology,
  experiments,
  openSystem,
  seed,
  intensity,
  say,
  onResult,
  signal,
}: SetOptions<System>): Promise<SetResult | undefined> {
  mkdirSync(home.run, { recursive: true });
  const owner = claimFolder(home.run, RUNNER);
  if (owner !== undefined) {
    say(`experiments run already as process ${owner.pid}; npm run chaos -- stop ends them`);
    return undefined;
  }
  const startedAt = new Date();
  const results: ExperimentResult[] = [];
  const skipped: { name: string; why: string }[] = [];
  const failed: { name: string; why: string }[] = [];
  try {
    await clearLeftovers(home, say);
    for (const experiment of experiments) {
      if (signal.aborted) break;
      const { name, needs } = experiment;
      const why = needs.map(whyMissing).find((each) => each !== undefined);
      if (why !== undefined) {
        skipped.push({ name, why });
        say(`${name}: not on this machine: ${why}`);
        continue;
      }
      say(`${name}: ${experiment.fault.says} (seed ${seed}, intensity ${intensity})`);
      try {
        const result = await runExperiment({ home, openSystem: () => openSystem(experiment), experiment, seed, intensity, signal });
        results.push(result);
        onResult(result);
      } catch (error) {
        if (signal.aborted) break;
        failed.push({ name, why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
        say(`${name}: broke off: ${failed.at(-1)?.why}`);
      }
      // Also the folder, for the next one.
      await clearLeftovers(home, say);
    }
  } finally {
    await clearLeftovers(home, say);
    removePidFile(home.run, RUNNER);
  }
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1_000);
  return {
    topology,
    seed,
    intensity,
    startedAt: startedAt.toISOString(),
    seconds,
    results,
    skipped,
    failed,
    isInterrupted: signal.aborted,
  };
}

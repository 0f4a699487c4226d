import type { Way } from '../lib/dev/fault-proxy.ts';
import type { ChaosSystem } from './chaos-system.ts';
import type { Load } from './load.ts';
import type { Need } from './machine.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { Stage } from './stage.ts';
import type { Topology } from './topology.ts';

export const INTENSITIES = ['low', 'medium', 'high'] as const;

export type Intensity = (typeof INTENSITIES)[number];

/** What is done to the system, and by what it is measured. Everything an experiment does goes through its scene. */
export interface Scene<System extends ObservedSystem = ChaosSystem> {
  readonly system: System;
  readonly load: Load;
  /** Chance, the same for the same seed. */
  readonly random: () => number;
  /** One of three amounts, by the intensity that was asked for. */
  amount<Amount>(low: Amount, medium: Amount, high: Amount): Amount;
  /** Throws the reason when the run is to end. */
  wait(ms: number): Promise<void>;
  /** Shows on the timeline as a band for as long as `act` takes. */
  during<Result>(label: string, act: () => Promise<Result>): Promise<Result>;
  /** Counts something that the report adds up. */
  count(what: Harm): void;
  /** Notes for the report. */
  note(line: string): void;
  /** Something is not as expected: the experiment does not hold. */
  problem(line: string): void;
}

/** What was done to the system, as the report counts it. */
export const HARMS = ['kills', 'pauses', 'cuts', 'power cuts', 'other'] as const;

export type Harm = (typeof HARMS)[number];

/** How the system is when nothing is done to it; it has to be so before a fault and again after it. */
export interface SteadyState {
  readonly says: string;
  /** @returns why it is not so; undefined where it is */
  whyNot(scene: Scene<ObservedSystem>): Promise<string | undefined>;
}

/**
 * What must hold. In every experiment: nothing acknowledged is lost, nothing is invented, each key stays in order, no recorded effect is
 * repeated, every accepted event has its end. This is what an experiment expects beyond that.
 */
export interface Expectation {
  readonly says: string;
  /** `open`: each request is answered with 2xx at once. `later`: each event is acknowledged in the end, perhaps after a repetition. */
  readonly door: 'open' | 'later';
}

/**
 * One experiment: a value that the runner carries out. One that wants no more than an observed system does its harm by the API of the
 * broker alone, and what it does to a system that others have started that system mends by itself.
 */
export interface Experiment<System extends ObservedSystem = ChaosSystem> {
  readonly name: string;
  /** What it shows when it holds, as a sentence. */
  readonly shows: string;
  readonly steadyState: SteadyState;
  readonly fault: {
    readonly says: string;
    /** Resolves when the last fault is over or only `undo` is left. */
    inject(scene: Scene<System>): Promise<void>;
  };
  readonly expects: Expectation;
  /** Takes back what `inject` left, however far it came. Called once, also after Ctrl-C; a crash is undone by the next run. */
  readonly undo: (scene: Scene<System>) => Promise<void>;
  /** What the machine must have. */
  readonly needs: readonly Need[];
  readonly stage: Stage;
  /** Where it can be done. (Default: everywhere) */
  readonly topologies?: readonly Topology[];
}

/** Directions of a cut, as they are told. */
export function wayText(ways: readonly Way[]): string {
  return ways.length === 2 ? 'both ways' : ways[0] === 'to-server' ? 'what it sends' : 'what it hears';
}

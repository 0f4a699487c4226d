import { PRIORITIES, type Priority } from '../../core/priority.ts';
import { seededRandom } from '../../core/seeded-random.ts';
import type { OnUnknown } from '../record-port.ts';

/** How a handler ends while it is to fail: `lost`: an effect of which nobody knows; `undone`: one that certainly did not happen. */
export type Failure = 'retry' | 'throw' | 'hang' | 'park' | 'crash' | 'lost' | 'undone';
/** How it ends then. `unreadable`: it does not fit the input; `unstorable`: what it records cannot be stored. */
export type Ending = 'done' | 'reject' | 'unreadable' | 'unstorable';

/** What becomes of one message, as its handler plays it. */
export interface MessagePlan {
  readonly key: string;
  readonly priority: Priority;
  /** Milliseconds after the beginning. */
  readonly sentAt: number;
  readonly durationMs: number;
  /** It fails in its first so many starts. */
  readonly failures: number;
  readonly failure: Failure;
  readonly ending: Ending;
  readonly effect: OnUnknown | undefined;
  /** What it sends on; `afterMs`: by a timer. */
  readonly output: { readonly plan: MessagePlan; readonly afterMs: number | undefined } | undefined;
}

export type Fault =
  | { readonly kind: 'kill' | 'restart'; readonly process: number; readonly at: number; readonly ms: number }
  | { readonly kind: 'pause'; readonly process: number; readonly at: number; readonly ms: number }
  | {
      readonly kind: 'down' | 'frozen';
      readonly store: 'broker' | 'record';
      /** Undefined: of all. */
      readonly process: number | undefined;
      readonly at: number;
      readonly ms: number;
    }
  | { readonly kind: 'loss' | 'slow'; readonly at: number; readonly ms: number; readonly much: number }
  | { readonly kind: 'forget' | 'steal'; readonly at: number };

/** Everything of a world that chance decides beforehand. */
export interface WorldPlan {
  readonly processes: number;
  readonly partitions: number;
  readonly slots: number;
  readonly capacity: number;
  readonly attempts: number;
  readonly messages: readonly MessagePlan[];
  readonly faults: readonly Fault[];
  /** Begins a run's chance: of the ways, losses and retries. */
  readonly runSeed: number;
}

/** What is sent and what goes wrong falls into this time; then there is peace. */
const TROUBLE_MS = 1_600;

export function planWorld(seed: number): WorldPlan {
  const random = seededRandom(seed);
  const draw = createDraw(random);
  const processes = draw.of([1, 1, 2, 2, 3]);
  const keys = draw.between(1, 4);
  const priorities = draw.of([1, 1, 2]);
  const isCalm = draw.chance(0.3);
  const message = (depth: number): MessagePlan => {
    const failures = draw.chance(0.35) ? draw.of([1, 1, 2, 3, 100]) : 0;
    const effect = draw.chance(0.4) ? draw.of(['hold', 'repeat'] as const) : undefined;
    const failure = draw.of<Failure>(
      isCalm ? ['retry', 'throw', 'park'] : ['retry', 'retry', 'throw', 'throw', 'hang', 'park', 'crash', 'lost', 'undone'],
    );
    return {
      key: `k${draw.between(1, keys)}`,
      priority: PRIORITIES[draw.between(1, priorities)] ?? 'default',
      sentAt: draw.between(0, TROUBLE_MS),
      durationMs: draw.chance(0.3) ? 0 : draw.between(1, 60),
      failures: failure === 'park' ? Math.min(failures, 2) : failures,
      failure,
      ending: draw.chance(0.9) ? 'done' : draw.of<Ending>(['reject', 'reject', 'unreadable', 'unstorable']),
      effect: failure === 'lost' || failure === 'undone' ? (effect ?? 'hold') : effect,
      output:
        depth > 0 && draw.chance(0.3)
          ? { plan: message(depth - 1), afterMs: draw.chance(0.2) ? draw.between(1, 300) : undefined }
          : undefined,
    };
  };
  const fault = (): Fault => {
    const at = draw.between(0, TROUBLE_MS);
    const process = draw.between(0, processes - 1);
    // Below and beyond a lease.
    const ms = draw.of([draw.between(5, 200), draw.between(200, 1_500)]);
    const one = draw.chance(0.6) ? process : undefined;
    switch (draw.between(1, 10)) {
      case 1:
      case 2:
        return { kind: 'kill', process, at, ms: Math.min(ms, 900) };
      case 3:
        return { kind: 'restart', process, at, ms: Math.min(ms, 300) };
      case 4:
      case 5:
        return { kind: 'pause', process, at, ms };
      case 6:
        return { kind: 'down', store: draw.of(['broker', 'record'] as const), process: one, at, ms };
      case 7:
        return { kind: 'frozen', store: draw.of(['broker', 'record'] as const), process: one, at, ms };
      case 8:
        return { kind: 'loss', at, ms, much: draw.of([0.05, 0.2, 0.5]) };
      case 9:
        return { kind: 'slow', at, ms, much: draw.between(10, 120) };
      default:
        return { kind: draw.of(['forget', 'steal'] as const), at };
    }
  };
  return {
    processes,
    partitions: draw.of([1, 1, 2]),
    slots: draw.of([1, 2, 8]),
    capacity: draw.of([2, 6, 32]),
    attempts: draw.between(1, 5),
    messages: Array.from({ length: draw.between(3, 18) }, () => message(1)),
    faults: Array.from({ length: isCalm ? draw.between(0, 2) : draw.between(1, 5) }, fault),
    runSeed: Math.floor(random() * 2 ** 31),
  };
}

function createDraw(random: () => number) {
  const between = (first: number, last: number): number => first + Math.floor(random() * (last - first + 1));
  return {
    between,
    chance: (share: number): boolean => random() < share,
    of: <Value>(values: readonly Value[]): Value => values[between(0, values.length - 1)]!,
  };
}

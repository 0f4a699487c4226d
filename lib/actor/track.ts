import type { SettledSpan } from '../core/settled-span.ts';
import type { LaneSource } from './broker-port.ts';
import type { LaneProgress } from './lane-progress.ts';
import type { LaneId, UnitLease } from './record-port.ts';
import type { ReplayProgress } from './replay.ts';

/** Where deliveries come from, and whose progress they are: a lane, or a replay's part of one. */
export interface Track extends LaneId {
  readonly unit: UnitLease;
  readonly source: Pick<LaneSource, 'ack' | 'term'>;
  readonly progress: LaneProgress;
  /** Where its consumer was pointed to last, as its row says it; null: it was not yet. */
  readonly consumerCreated: string | null;
  /** A delivery is part of a settling. */
  settle(seq: number): void;
  /** Takes that back: the settling failed. */
  unsettle(seq: number): void;
  /** Of a replay: its row once this is settled. Undefined: it is a lane. */
  replayed?(settled: SettledSpan): ReplayProgress;
  /** Deliveries were settled: there is room again. */
  freed(): void;
}

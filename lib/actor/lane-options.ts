import type { Clock } from '../core/clock.ts';
import type { Delivery, LaneSource } from './broker-port.ts';
import type { ActorLog } from './define-actor.ts';
import type { Lane } from './lane.ts';
import type { LaneProgress } from './lane-progress.ts';
import type { LaneId, UnitLease } from './record-port.ts';
import type { ReplayTrack } from './replay-track.ts';

export interface LaneOptions extends LaneId {
  readonly unit: UnitLease;
  readonly source: LaneSource;
  /** Deliveries in hand at most. */
  readonly capacity: number;
  /** Longest open pull; below lease minus fence, so that a frozen owner's pull is dead before its lease. */
  readonly pullExpiresMs: number;
  readonly clock: Clock;
  readonly log: ActorLog;
  /** Whether the lease is valid: without it the consumer may be somebody else's. */
  readonly isLeased: () => boolean;
  /** Whether there is a lease, and nothing else that speaks against pulling now. */
  readonly mayPull: () => boolean;
  readonly onDelivery: (lane: Lane, delivery: Delivery) => void;
  readonly onRepoint: (cause: RepointCause, lane: Lane) => void;
  /** What a replay in place brings. (Default: there is none) */
  readonly onReplayed?: (replay: ReplayTrack, delivery: Delivery) => void;
  /** Everything up to the replay's end was delivered. */
  readonly onReached?: (replay: ReplayTrack) => void;
  /** The consumer was reset by hand: records that, and gives the replay; undefined where the unit has a new owner. */
  readonly onReset?: (lane: Lane, fromSeq: number) => Promise<ReplayTrack | undefined>;
  /** The log has nothing more for it at this moment. */
  readonly onDrained?: () => void;
  /** How far it is already. (Default: what its record says) */
  readonly progress?: LaneProgress;
}

/** `moved`: somebody has reset the consumer to where work would be left out. `replay`: to or from a replay's position. */
export type RepointCause = 'take-over' | 'interrupted' | 'gap' | 'moved' | 'replay';

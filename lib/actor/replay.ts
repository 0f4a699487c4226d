import type { SettledSpan } from '../core/settled-span.ts';
import type { LaneId, UnitLease } from './record-port.ts';

/** What a replay asks of whoever handles its messages; they carry it. */
export interface ReplayOptions {
  readonly id: string;
  /** Actors whose effects are repeated on purpose; of all others what is done is skipped. */
  readonly repeat: readonly string[];
  /** Where the repeated effects go instead of to their own recipients: for each actor that can the one that fits it. Empty: to their own. */
  readonly divertTo: readonly string[];
}

/**
 * One unit's part of a replay in one of its lanes, as it is recorded. The messages that are replayed stay where they are: only
 * this position moves.
 */
export interface ReplayPart extends LaneId, SettledSpan {
  readonly actor: string;
  readonly partition: number;
  readonly options: ReplayOptions;
  /**
   * - `in-place`: the lane's own consumer is re-pointed, what is live comes behind what is replayed
   * - `slice`: a temporary consumer beside the lane's
   */
  readonly kind: 'in-place' | 'slice';
  readonly isPaused: boolean;
  /** Nothing of it is left to be delivered. */
  readonly isEnded: boolean;
  /** The first sequence that is looked at. */
  readonly fromSeq: number;
  /** The last one; null: as far as the lane is when it begins. */
  readonly untilSeq: number | null;
  /** Messages that were settled by this replay. */
  readonly handled: number;
  /** Messages that it left alone: their first handling has not ended yet. */
  readonly skipped: number;
  /** Of a slice's consumer. */
  readonly filterSubjects: readonly string[];
  /** Only messages of this key. Null: of all. */
  readonly key: string | null;
  /** Only messages of these types, as their headers say it. Empty: of all. */
  readonly types: readonly string[];
  /** Messages per second of the whole replay, all of its parts together. Null: as many as there are. */
  readonly rate: number | null;
}

/** How far one part is, as a settling writes it. */
export interface ReplayProgress extends Required<LaneId>, SettledSpan {
  readonly unit: UnitLease;
  readonly untilSeq: number;
  /** All of it so far, not what was added. */
  readonly handled: number;
  readonly skipped: number;
  readonly isEnded: boolean;
}

/** A consumer that somebody has re-pointed by hand. */
export interface ConsumerReset extends LaneId {
  readonly unit: UnitLease;
  readonly fromSeq: number;
  readonly untilSeq: number;
}

/** What of a lane is settled: of what was delivered everything but what is open. So its size is that of what is in hand. */
export interface SettledSpan {
  /** Every sequence of the lane up to this one is settled. -1: the lane is new. Never goes down. */
  readonly floor: number;
  /** The last sequence that was delivered, at least `floor`. */
  readonly highest: number;
  /** Sequences above the floor and up to `highest` that are not settled, ascending. Those of other lanes are never among them. */
  readonly open: readonly number[];
}

/** A sequence of the lane. */
export function isSettledIn({ floor, highest, open }: SettledSpan, seq: number): boolean {
  return seq <= floor || (seq <= highest && !open.includes(seq));
}

/** Nothing above this sequence is settled. */
export function spanFrom(floor: number): SettledSpan {
  return { floor, highest: floor, open: [] };
}

import { isSettledIn } from '../../core/settled-span.ts';
import type { LaneId, LaneProgress, UnitId } from '../record-port.ts';
import { unitKey } from './simulated-address.ts';

/** How far each lane is, in memory. */
export class SimulatedLanes {
  readonly #lanes = new Map<string, LaneProgress>();

  all(): Iterable<LaneProgress> {
    return this.#lanes.values();
  }

  /** -1: nothing of the lane is recorded. */
  floor(unit: UnitId, lane: LaneId): number {
    return this.#lanes.get(nameOf(unit, lane))?.floor ?? -1;
  }

  isSettled(unit: UnitId, lane: LaneId, seq: number): boolean {
    const recorded = this.#lanes.get(nameOf(unit, lane));
    return recorded !== undefined && isSettledIn(recorded, seq);
  }

  /** A floor never goes down. */
  put(lane: LaneProgress): void {
    this.#lanes.set(nameOf(lane.unit, lane), { ...lane, floor: Math.max(lane.floor, this.floor(lane.unit, lane)) });
  }
}

function nameOf(unit: UnitId, { stream, priority }: LaneId): string {
  return `${unitKey(unit)}:${stream}:${priority}`;
}

import type { UnitId } from '../record-port.ts';

/** What rows of the record in memory are found by. */
export function unitKey({ actor, partition }: UnitId): string {
  return `${actor}/${partition}`;
}

export function address({ unit, stream, seq }: { unit: UnitId; stream: string; seq: number }): string {
  return `${unitKey(unit)}:${stream}:${seq}`;
}

export function parkedAddress(row: { unit: UnitId; stream: string; seq: number; replay?: string }): string {
  return `${address(row)}:${row.replay ?? ''}`;
}

export function bySeq(a: { seq: number }, b: { seq: number }): number {
  return a.seq - b.seq;
}

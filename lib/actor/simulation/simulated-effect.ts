import type { UnitLease } from '../record-port.ts';

/** One row of the ledger. */
export interface Effect {
  state: 'claimed' | 'done' | 'failed' | 'unknown' | 'held';
  repeats: number;
  token: string;
  epoch: number;
  result?: unknown;
}

/** What a settling may make of it: what is done stays done. */
export function canBecome(effect: Effect, state: Effect['state'], unit: UnitLease): boolean {
  if (effect.state === 'done' || state === 'done') return effect.state !== 'done';
  if (state === 'failed') return effect.state === 'claimed' && effect.epoch === unit.epoch;
  return effect.state === 'claimed' || effect.state === 'unknown';
}

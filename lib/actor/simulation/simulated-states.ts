import type { StateId, StoredState } from '../record-port.ts';

/** What actors keep of their keys, in memory. */
export class SimulatedStates {
  readonly #states = new Map<string, StoredState>();

  get(id: StateId): StoredState | undefined {
    return this.#states.get(nameOf(id));
  }

  /** Null: the key has nothing more. */
  put(id: StateId, state: StoredState | null): void {
    if (state === null) this.#states.delete(nameOf(id));
    else this.#states.set(nameOf(id), state);
  }
}

function nameOf({ actor, eventKey, key }: StateId): string {
  return JSON.stringify([actor, eventKey, key]);
}

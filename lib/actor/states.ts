import type { Clock } from '../core/clock.ts';
import { GroupCommit } from './group-commit.ts';
import type { RecordPort, StateId, StoredState } from './record-port.ts';

/** Reads states of one actor: what is asked for while a query is under way goes into the next one together. */
export class StateReads {
  readonly #group: GroupCommit<Waiting>;

  constructor(record: Pick<RecordPort, 'loadStates'>, clock: Clock) {
    this.#group = new GroupCommit((waiting) => read(record, waiting), { clock });
  }

  /** Undefined where the key has none. Rejects with the record's error. */
  read(id: StateId): Promise<StoredState | undefined> {
    return new Promise((resolve, reject) => this.#group.add({ id, resolve, reject }));
  }
}

interface Waiting {
  readonly id: StateId;
  readonly resolve: (state: StoredState | undefined) => void;
  readonly reject: (error: unknown) => void;
}

async function read(record: Pick<RecordPort, 'loadStates'>, waiting: readonly Waiting[]): Promise<void> {
  try {
    const states = await record.loadStates(waiting.map(({ id }) => id));
    waiting.forEach(({ resolve }, index) => resolve(states[index]));
  } catch (error) {
    for (const { reject } of waiting) reject(error);
  }
}

/** Of the texts in one unit's cache, in UTF-16 units: 32 of the largest states, thousands of usual ones. */
const MAX_CACHED = 2_097_152;
/** What an entry costs beside its text. */
const ENTRY_COST = 200;

/**
 * The states of one unit's keys as they are recorded, those used last. Nobody else writes them while the unit is owned, and with the
 * unit they go. That a key has none is remembered, too.
 */
export class StateCache {
  readonly #states = new Map<string, StoredState | undefined>();
  #size = 0;

  /** `isKnown` false: the record has to be asked. */
  get(id: Omit<StateId, 'actor'>): { readonly isKnown: boolean; readonly state: StoredState | undefined } {
    const name = nameOf(id);
    if (!this.#states.has(name)) return { isKnown: false, state: undefined };
    const state = this.#states.get(name);
    // Now it is the one used last.
    this.#states.delete(name);
    this.#states.set(name, state);
    return { isKnown: true, state };
  }

  set(id: Omit<StateId, 'actor'>, state: StoredState | undefined): void {
    const name = nameOf(id);
    this.#forget(name);
    this.#states.set(name, state);
    this.#size += sizeOf(name, state);
    for (const oldest of this.#states.keys()) {
      if (this.#size <= MAX_CACHED) return;
      this.#forget(oldest);
    }
  }

  clear(): void {
    this.#states.clear();
    this.#size = 0;
  }

  #forget(name: string): void {
    if (!this.#states.has(name)) return;
    this.#size -= sizeOf(name, this.#states.get(name));
    this.#states.delete(name);
  }
}

function nameOf({ eventKey, key }: Omit<StateId, 'actor'>): string {
  return `${eventKey.length}:${eventKey}${key}`;
}

function sizeOf(name: string, state: StoredState | undefined): number {
  return ENTRY_COST + name.length + (state?.json.length ?? 0);
}

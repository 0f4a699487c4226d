import type { Priority } from '../core/priority.ts';
import type { ReplayOptions } from './replay.ts';

/** One message of the log, as an actor's runtime sees it. */
export interface Message {
  /** `Vis-Id`: the identity. */
  readonly id: string;
  /** `Vis-Key`: the event's key. */
  readonly key: string;
  readonly priority: Priority;
  /** Where it is stored: an address, never an identity. */
  readonly stream: string;
  readonly seq: number;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The payload as it was received, byte for byte. */
  readonly body: Uint8Array;
  /** When the log stored it, milliseconds since the epoch. */
  readonly storedAt: number;
  /** Redeliveries by a person so far. */
  readonly round: number;
  /** It is handled once more on purpose. Not stored with it. */
  readonly replay?: ReplayOptions;
}

/** A message that is to be published. */
export interface Emit {
  /** Its `Vis-Id`, derived (see lib/core/identity.ts); also its `Nats-Msg-Id`. */
  readonly id: string;
  readonly subject: string;
  readonly key: string;
  /** Everything but `Vis-Id`, `Vis-Key` and `Nats-Msg-Id`, which the runtime writes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Not before this time, milliseconds since the epoch; until then it is a row of the store. (Default: at once) */
  readonly dueAt?: number;
}

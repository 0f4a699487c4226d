import type { StreamConfig } from './stream-config.ts';

/** What a stream holds, as far as a change of its limits could destroy it. */
export interface StreamUse {
  readonly messages: number;
  readonly bytes: number;
  /** Age of the oldest message, nanoseconds; 0 where it is empty. */
  readonly oldestAge: number;
}

/** A stream as the broker has it; it knows more fields than we do. */
export interface CurrentStream {
  readonly config: Readonly<Record<string, unknown>>;
  readonly use: StreamUse;
}

export interface FieldChange {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
  /** Why the change is not made; undefined where it is. */
  readonly refusal: string | undefined;
}

/** What has to be done for one stream. A step with a refusal is not done at all. */
export type StreamStep =
  | { readonly kind: 'create'; readonly name: string; readonly config: StreamConfig }
  | { readonly kind: 'same'; readonly name: string }
  | {
      readonly kind: 'update';
      readonly name: string;
      readonly changes: readonly FieldChange[];
      readonly config: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'refused'; readonly name: string; readonly changes: readonly FieldChange[] };

/**
 * Compares what is wanted with what is there. Only fields that we declare are compared; what somebody set beyond them
 * stays. Refused is what would destroy messages or their durability, with the reason.
 */
export function compareStream(desired: StreamConfig, current: CurrentStream | undefined): StreamStep {
  const { name } = desired;
  if (current === undefined) return { kind: 'create', name, config: desired };
  const changes = Object.entries(desired)
    .map(([field, to]) => ({ field, from: current.config[field] ?? EMPTY[field], to }))
    .filter(({ from, to }) => !isSame(from, to))
    .map((change): FieldChange => ({ ...change, refusal: refusalOf(change.field, change.from, change.to, current.use) }));
  if (changes.length === 0) return { kind: 'same', name };
  if (changes.some(({ refusal }) => refusal !== undefined)) return { kind: 'refused', name, changes };
  return { kind: 'update', name, changes, config: { ...current.config, ...desired } };
}

/** The broker leaves out what is off. */
const EMPTY: Readonly<Record<string, unknown>> = {
  description: '',
  allow_direct: false,
  allow_atomic: false,
  deny_delete: false,
  allow_rollup_hdrs: false,
  max_msgs_per_subject: -1,
  max_age: 0,
};

function refusalOf(field: string, from: unknown, to: unknown, use: StreamUse): string | undefined {
  switch (field) {
    case 'retention':
      return 'another retention deletes what consumers have acknowledged';
    case 'storage':
      return 'the storage of a stream cannot be changed; its messages would have to be copied';
    case 'discard':
      return to === 'old' ? 'a full stream would drop its oldest messages' : undefined;
    case 'num_replicas':
      return Number(to) < Number(from) ? 'fewer replicas lose what the others would have kept' : undefined;
    case 'subjects': {
      const removed = asList(from).filter((subject) => !asList(to).includes(subject));
      return removed.length > 0 ? `${removed.join(', ')} would have no stream any more` : undefined;
    }
    case 'max_bytes':
      return isBelow(to, use.bytes) ? `the stream holds ${use.bytes} bytes already` : undefined;
    case 'max_age':
      return isBelow(to, use.oldestAge) ? `its oldest message is ${Math.round(use.oldestAge / 1e9)} s old` : undefined;
    case 'max_msgs_per_subject':
      return Number(to) > 0 && !(Number(from) > 0 && Number(from) <= Number(to)) ? 'fewer versions of a subject would be kept' : undefined;
    default:
      return undefined;
  }
}

/** 0 and below mean no limit. */
function isBelow(limit: unknown, used: number): boolean {
  return Number(limit) > 0 && Number(limit) < used;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isSame(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((item) => b.includes(item));
}

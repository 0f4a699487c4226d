import type { LaneSpec } from '../lib/actor/broker-port.ts';
import { PRIORITIES, type Priority } from '../lib/core/priority.ts';
import { slotsOf } from '../lib/core/slot.ts';
import { commandSubject, eventFilter, STREAMS, type StreamName, typeTokens } from './subjects.ts';
import { OTHER_TYPE } from './type-limiter.ts';

/** What decides an actor's lanes. */
export interface LaneOwner {
  readonly name: string;
  readonly reads: readonly ('events' | 'commands')[];
  readonly partitions: number;
  /** The types of the events that it wants. (Default: all) */
  readonly types?: readonly string[] | undefined;
}

export interface Lane {
  readonly priority: Priority;
  readonly stream: StreamName;
  readonly spec: LaneSpec;
}

/** Consumers of one installation at most. In a cluster each replicated one costs idle CPU, also where nothing happens. */
export const MAX_CONSUMERS = 120;

/** The lanes of one partition of an actor: one for each stream that it reads and each priority, most urgent first. */
export function lanesOf(actor: LaneOwner, partition: number): Lane[] {
  if (!Number.isInteger(partition) || partition < 0 || partition >= actor.partitions)
    throw new RangeError(`partition of ${actor.name}: expected 0 to ${actor.partitions - 1}, got ${partition}`);
  const slots = slotsOf(partition, actor.partitions);
  return PRIORITIES.flatMap((priority) =>
    actor.reads.map((reads): Lane => {
      const stream = STREAMS[reads];
      const filterSubjects = slots.flatMap((slot) =>
        reads === 'events' ? eventFilters(priority, slot, actor.types) : commandSubject({ priority, slot, actor: actor.name }),
      );
      return { priority, stream, spec: { stream, consumer: `${actor.name}-${priority}-${partition}`, filterSubjects } };
    }),
  );
}

/** With what a subject shows where its source has too many types: the wanted ones may be among them. No filter is there twice. */
function eventFilters(priority: Priority, slot: number, types: readonly string[] | undefined): string[] {
  if (types === undefined) return [eventFilter(priority, slot)];
  const shown = new Set([...types.map(typeTokens), OTHER_TYPE]);
  return [...shown].map((type) => eventFilter(priority, slot, type));
}

/** The consumers that these actors need together. */
export function countConsumers(actors: readonly LaneOwner[]): number {
  return actors.reduce((count, actor) => count + actor.partitions * PRIORITIES.length * actor.reads.length, 0);
}

/** @throws RangeError above 120 consumers, with what each actor takes */
export function checkConsumerCount(actors: readonly LaneOwner[]): number {
  const count = countConsumers(actors);
  if (count <= MAX_CONSUMERS) return count;
  const parts = actors.map((actor) => `${actor.name} ${countConsumers([actor])}`).join(', ');
  throw new RangeError(`consumers: expected at most ${MAX_CONSUMERS}, got ${count} (${parts}); give actors fewer partitions`);
}

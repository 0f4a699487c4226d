import type { ActorDefinition } from '../lib/actor/define-actor.ts';
import { advisorySubject, deadSubject } from './subjects.ts';
import { type Lane, type LaneOwner, lanesOf } from './lanes.ts';

/** What decides a defined actor's lanes, with the defaults of its definition. */
export function laneOwnerOf({ name, reads, types, partitions = 4 }: ActorDefinition): LaneOwner {
  return { name, reads: reads ?? (types === undefined ? ['commands'] : ['events']), partitions, types };
}

/** The lanes of one partition of a defined actor. */
export function lanesOfActor(definition: ActorDefinition, partition: number): Lane[] {
  return lanesOf(laneOwnerOf(definition), partition);
}

/** Where the runtime announces dead letters. */
export const DEAD_LETTER_SUBJECTS = { deadLetter: deadSubject, advisory: advisorySubject } as const;

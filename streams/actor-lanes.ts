import type { ActorDefinition } from '../lib/actor/define-actor.ts';
import { advisorySubject, deadSubject } from './subjects.ts';
import { type Lane, lanesOf } from './lanes.ts';

/** The lanes of one partition of a defined actor. */
export function lanesOfActor({ name, reads = ['commands'], partitions = 4 }: ActorDefinition, partition: number): Lane[] {
  return lanesOf({ name, reads, partitions }, partition);
}

/** Where the runtime announces dead letters. */
export const DEAD_LETTER_SUBJECTS = { deadLetter: deadSubject, advisory: advisorySubject } as const;

import { spanFrom } from '../../core/settled-span.ts';
import type { ConsumerReset, ReplayPart } from '../replay.ts';

/** A reset by hand as the record keeps it. */
export function handPart({ unit, stream, priority, fromSeq, untilSeq }: ConsumerReset, id: string): ReplayPart {
  return {
    actor: unit.actor,
    partition: unit.partition,
    stream,
    priority,
    fromSeq,
    untilSeq,
    options: { id, repeat: [], divertTo: [] },
    kind: 'in-place',
    isPaused: false,
    isEnded: false,
    ...spanFrom(fromSeq - 1),
    handled: 0,
    skipped: 0,
    filterSubjects: [],
    key: null,
    types: [],
    rate: null,
  };
}

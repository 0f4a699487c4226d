import { slotsOf } from '../../lib/core/slot.ts';
import type { Lane } from '../../streams/lanes.ts';
import { commandSubject, STREAMS } from '../../streams/subjects.ts';

/** As the workflow actor has. */
export const PARTITIONS = 4;

/** Whom the messages are addressed to; each round reads them from the beginning under a name of its own. */
export const ADDRESSEE = 'bench';

/** The lane of one partition: one priority is enough here, the others would be empty. */
export function benchLane(reader: string, partition: number): Lane {
  const stream = STREAMS.commands;
  const filterSubjects = slotsOf(partition, PARTITIONS).map((slot) => commandSubject({ priority: 'default', slot, actor: ADDRESSEE }));
  return { stream, priority: 'default', spec: { stream, consumer: `${reader}-default-${partition}`, filterSubjects } };
}

import { slotsOf } from '../../lib/core/slot.ts';
import type { Lane } from '../../streams/lanes.ts';
import { commandSubject, STREAMS } from '../../streams/subjects.ts';

/** As the workflow actor has. */
export const PARTITIONS = 4;

/** The lane of one partition: one priority is enough here, the others would be empty. `addressee`: whom the round's messages are for. */
export function benchLane(reader: string, addressee: string, partition: number): Lane {
  const stream = STREAMS.commands;
  const filterSubjects = slotsOf(partition, PARTITIONS).map((slot) => commandSubject({ priority: 'default', slot, actor: addressee }));
  return { stream, priority: 'default', spec: { stream, consumer: `${reader}-default-${partition}`, filterSubjects } };
}

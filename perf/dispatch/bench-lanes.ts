import type { Priority } from '../../lib/core/priority.ts';
import { slotsOf } from '../../lib/core/slot.ts';
import type { Lane } from '../../streams/lanes.ts';
import { commandSubject, STREAMS } from '../../streams/subjects.ts';

/** As the workflow actor has. */
export const PARTITIONS = 4;

/** The lane of one partition and priority. `addressee`: whom the round's messages are for. */
export function benchLane(reader: string, addressee: string, partition: number, priority: Priority = 'default'): Lane {
  const stream = STREAMS.commands;
  const filterSubjects = slotsOf(partition, PARTITIONS).map((slot) => commandSubject({ priority, slot, actor: addressee }));
  return { stream, priority, spec: { stream, consumer: `${reader}-${priority}-${partition}`, filterSubjects } };
}

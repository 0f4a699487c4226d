import type { EventLog } from '../lib/host/event-audit.ts';
import { WORKFLOW_LANES } from './actors.ts';
import { parseSubject, STREAMS } from './subjects.ts';

/** Where events are, and that actor `workflow` settles each of them. */
export const EVENT_LOG: EventLog = {
  stream: STREAMS.events,
  actor: WORKFLOW_LANES.name,
  partitions: WORKFLOW_LANES.partitions,
  laneOf(subject) {
    const parsed = parseSubject(subject);
    return parsed?.kind === 'event' ? parsed : undefined;
  },
};

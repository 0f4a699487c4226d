import type { CommandLog } from '../lib/host/command-audit.ts';
import { WORKFLOW_LANES } from './actors.ts';
import { parseSubject, readFilter, STREAMS } from './subjects.ts';

/** Where commands and the results of steps are. */
export const COMMAND_LOG: CommandLog = {
  stream: STREAMS.commands,
  laneStreams: [STREAMS.events, STREAMS.commands],
  resultActor: WORKFLOW_LANES.name,
  laneOf(subject) {
    const parsed = parseSubject(subject);
    return parsed?.kind === 'command' ? parsed : undefined;
  },
  filterOf: (actor) => readFilter('commands', actor),
  consumerOf: ({ actor, priority, partition }) => `${actor}-${priority}-${partition}`,
};

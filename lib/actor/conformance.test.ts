import { PRIORITIES } from '../core/priority.ts';
import { SLOTS, slotOf } from '../core/slot.ts';
import { describeConformance } from './conformance/suite.ts';
import { openSimulatedBench, type SimulatedLog } from './simulation/simulated-bench.ts';

const STREAMS: Record<string, string> = { commands: 'COMMANDS', dead: 'DEAD_LETTERS', advisory: 'ADVISORIES' };

const LOG: SimulatedLog = {
  streamOf: (subject) => STREAMS[subject.split('.')[0]!]!,
  lanesOf: ({ name, partitions = 4 }, partition) =>
    PRIORITIES.map((priority) => ({
      stream: 'COMMANDS',
      priority,
      spec: {
        stream: 'COMMANDS',
        consumer: `${name}-${priority}-${partition}`,
        filterSubjects: Array.from({ length: SLOTS }, (_, slot) => slot)
          .filter((slot) => slot % partitions === partition)
          .map((slot) => `commands.${priority}.${slot}.${name}`),
      },
    })),
  subjects: { deadLetter: (actor, reason) => `dead.${actor}.${reason}`, advisory: (kind, actor) => `advisory.${kind}.${actor}` },
  subjectTo: (actor, key, priority = 'default') => `commands.${priority}.${slotOf(key)}.${actor}`,
  consumerOf: (actor, priority, partition) => `${actor}-${priority}-${partition}`,
};

describeConformance('simulated', () => Promise.resolve(openSimulatedBench(LOG)));

import type { ActorDefinition } from '../lib/actor/define-actor.ts';
import type { SimulatedBroker } from '../lib/actor/simulation/simulated-broker.ts';
import type { SimulatedRecord } from '../lib/actor/simulation/simulated-record.ts';
import { isSettledIn } from '../lib/core/settled-span.ts';
import { lanesOfActor } from '../streams/actor-lanes.ts';

export interface Scene {
  readonly definition: ActorDefinition;
  readonly broker: SimulatedBroker;
  readonly record: SimulatedRecord;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
}

/** Whether everything that the log has for the actor is settled or waits for a time, and everything that it emits is in the log. */
export async function isQuiet({ definition, broker, record, now }: Scene): Promise<boolean> {
  if (record.parked().some(({ dueAt }) => dueAt !== null && dueAt <= now)) return false;
  if (record.outbox().some(({ id, subject }) => !isInLog(broker, id, subject))) return false;
  for (let partition = 0; partition < (definition.partitions ?? 4); partition += 1) {
    const { lanes } = await record.load({ actor: definition.name, partition, epoch: 0 });
    for (const { stream, priority, spec } of lanesOfActor(definition, partition)) {
      const lane = lanes.find((each) => each.stream === stream && each.priority === priority);
      const open = broker
        .messages(stream)
        .filter(({ seq }) => lane === undefined || !isSettledIn(lane, seq))
        .filter(({ subject }) => spec.filterSubjects.some((filter) => matches(filter, subject)));
      if (open.length > 0) return false;
    }
  }
  return true;
}

function isInLog(broker: SimulatedBroker, id: string, subject: string): boolean {
  return ['EVENTS', 'COMMANDS', 'DEAD_LETTERS', 'ADVISORIES'].some((stream) =>
    broker.messages(stream).some((message) => message.id === id && message.subject === subject),
  );
}

function matches(filter: string, subject: string): boolean {
  return new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+')}$`).test(subject);
}

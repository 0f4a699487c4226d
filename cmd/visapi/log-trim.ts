import { PRIORITIES } from '../../lib/core/priority.ts';
import { slotsOf } from '../../lib/core/slot.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { findNext, readBounds } from '../../lib/jetstream/log-reader.ts';
import { scanLog } from '../../lib/jetstream/log-scan.ts';
import { purgeMessages } from '../../lib/jetstream/message-removal.ts';
import type { Database } from '../../lib/store/database.ts';
import { type ActorFloors, type LogNeed, readActorFloors, readLogNeeds } from '../../lib/store/log-needs.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { eventFilter, STREAMS } from '../../streams/subjects.ts';

/** What a trim removes, or would remove. */
export interface Trim {
  /** The first sequence that stays. */
  readonly keepFrom: number;
  /** Messages below it. */
  readonly messages: number;
  /** What keeps more than was asked for; undefined where all of that may go. */
  readonly held: LogNeed | undefined;
  readonly isDone: boolean;
}

export interface TrimOptions {
  readonly connection: BrokerConnection;
  readonly database: Database;
  /** What was stored before it may go. */
  readonly before: Date;
  readonly isDryRun: boolean;
}

/**
 * Removes the oldest events, as far as each of them is settled by every actor that reads events, and nothing that is under way needs it
 * any more.
 */
export async function trimEvents({ connection, database, before, isDryRun }: TrimOptions): Promise<Trim> {
  const stream = STREAMS.events;
  const { firstSeq, lastSeq } = await readBounds(connection, stream);
  // Read before the log is looked at: what is settled meanwhile stays this time.
  const [actors, needs] = await Promise.all([readActorFloors(database, stream), readLogNeeds(database, stream)]);
  const wanted = (await firstSince(connection, before)) ?? lastSeq + 1;
  const all = [...needs, ...(await laneNeeds(connection, actors, wanted))];
  const held = all.filter(({ seq }) => seq < wanted).toSorted((a, b) => a.seq - b.seq)[0];
  const keepFrom = Math.max(firstSeq, held?.seq ?? wanted);
  const isDone = !isDryRun && keepFrom > firstSeq;
  const messages = isDone ? await purgeMessages(connection, stream, { filter: 'events.>', seq: keepFrom - 1 }) : keepFrom - firstSeq;
  return { keepFrom, messages, held, isDone };
}

async function firstSince(connection: BrokerConnection, before: Date): Promise<number | undefined> {
  for await (const [first] of scanLog(connection, { stream: STREAMS.events, sinceMs: before.getTime(), headersOnly: true }))
    return first?.seq;
  return undefined;
}

/** The first event of each lane that is not settled. A lane that has nothing left to do needs nothing, however low its floor is. */
async function laneNeeds(connection: BrokerConnection, actors: readonly ActorFloors[], wanted: number): Promise<LogNeed[]> {
  const nobody: ActorFloors = { actor: WORKFLOW_LANES.name, partitions: WORKFLOW_LANES.partitions, floorOf: () => 0 };
  const needs: LogNeed[] = [];
  for (const { actor, partitions, floorOf } of actors.some(({ actor: name }) => name === nobody.actor) ? actors : [...actors, nobody])
    for (const priority of PRIORITIES)
      for (let partition = 0; partition < partitions; partition++) {
        const floor = floorOf(priority, partition);
        for (const slot of slotsOf(partition, partitions)) {
          const seq = floor + 1 < wanted ? await findNext(connection, STREAMS.events, eventFilter(priority, slot), floor + 1) : undefined;
          if (seq !== undefined) needs.push({ seq, because: `an event that actor ${actor} has not settled` });
        }
      }
  return needs;
}

import { randomUUID } from 'node:crypto';
import { PRIORITIES } from '../../lib/core/priority.ts';
import { slotOf, slotsOf } from '../../lib/core/slot.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { readBounds } from '../../lib/jetstream/log-reader.ts';
import type { Database } from '../../lib/store/database.ts';
import { type ActorLane, actorLanes, type NewReplay, type NewReplayPart } from '../../lib/store/replays.ts';
import { ACTOR_LANES } from '../../streams/actors.ts';
import { commandSubject, eventFilter, eventTypeFilter, readFilter, STREAMS } from '../../streams/subjects.ts';
import { OTHER_TYPE } from '../../streams/type-limiter.ts';
import { CommandError, exitCodes } from './output.ts';
import type { ReplayRequest } from './replay-request.ts';
import type { ScannedSlice, Slice } from './replay-scan.ts';

/** A request, checked against what there is. */
export interface ReplayPlan {
  readonly request: ReplayRequest;
  readonly kind: NewReplay['kind'];
  readonly reads: 'events' | 'commands';
  readonly slice: Slice;
  readonly partitions: number;
  /** Some of its lanes have no process. */
  readonly isOrphaned: boolean;
  /** What a person should know before it begins. */
  readonly notes: readonly string[];
}

/** Looks only. @throws CommandError where the actor is not known, or the bounds are not in the log */
export async function planReplay(database: Database, connection: BrokerConnection, request: ReplayRequest): Promise<ReplayPlan> {
  const lanes = await actorLanes(database, request.actor);
  const reads = readsOf(request, lanes);
  const stream = STREAMS[reads];
  const own = lanes.filter((lane) => lane.stream === stream);
  const { firstSeq, lastSeq } = await readBounds(connection, stream);
  const notes: string[] = [];
  const fromSeq = request.fromSeq ?? 1;
  if (lastSeq < firstSeq) throw new CommandError(`${stream} is empty: there is nothing to replay`);
  if (fromSeq > lastSeq)
    throw new CommandError(
      `--from-seq: expected a sequence from ${firstSeq} to ${lastSeq}, the end of ${stream}, got ${fromSeq}; past the end it would skip what comes`,
    );
  if (request.toSeq !== undefined && request.toSeq > lastSeq)
    throw new CommandError(`--to-seq: expected a sequence up to ${lastSeq}, the end of ${stream}, got ${request.toSeq}`);
  if (request.fromSeq !== undefined && fromSeq < firstSeq)
    notes.push(`${stream} begins at ${firstSeq}; what was before is not there any more`);
  const slot = request.key === undefined ? undefined : slotOf(request.key);
  const { key, types, since, until } = request;
  return {
    request,
    reads,
    kind: request.isInPlace ? 'in-place' : 'slice',
    partitions: partitionsOf(request.actor, own),
    isOrphaned: own.some(({ isOwned }) => !isOwned),
    notes,
    slice: {
      stream,
      filter: readFilter(reads, request.actor, slot),
      fromSeq: Math.max(fromSeq, firstSeq),
      toSeq: request.toSeq ?? lastSeq,
      since,
      until,
      key,
      types,
    },
  };
}

/** What is recorded, once the slice was counted. A part without messages is none. */
export function newReplay(
  { request, kind, reads, slice, partitions }: ReplayPlan,
  { total, shares }: ScannedSlice,
  who: string,
): NewReplay {
  const parts: NewReplayPart[] = [];
  for (const priority of PRIORITIES)
    for (let partition = 0; partition < partitions; partition++) {
      const slots = slotsOf(partition, partitions);
      const own = shares.filter((share) => share.priority === priority && slots.includes(share.slot));
      if (own.length === 0) continue;
      const firstSeq = Math.min(...own.map((share) => share.firstSeq));
      const lastSeq = Math.max(...own.map((share) => share.lastSeq));
      parts.push({
        partition,
        priority,
        key: slice.key ?? null,
        types: slice.types,
        ...(kind === 'in-place'
          ? { fromSeq: slice.fromSeq, untilSeq: null, filterSubjects: [] }
          : { fromSeq: firstSeq, untilSeq: lastSeq, filterSubjects: filtersOf(reads, request, priority, own) }),
      });
    }
  return {
    id: randomUUID().slice(0, 8),
    actor: request.actor,
    kind,
    stream: slice.stream,
    asked: request.asked,
    repeat: request.repeat,
    divertTo: request.divertTo,
    rate: request.rate,
    total,
    who,
    parts,
  };
}

function filtersOf(
  reads: ReplayPlan['reads'],
  { actor, types }: ReplayRequest,
  priority: NewReplayPart['priority'],
  shares: ScannedSlice['shares'],
): string[] {
  const filters = shares.flatMap(({ slot }) => {
    if (reads === 'commands') return [commandSubject({ priority, slot, actor })];
    // A source with very many types has the rest of them under one name; the header has the truth.
    return types.length === 0 ? [eventFilter(priority, slot)] : [...types, OTHER_TYPE].map((type) => eventTypeFilter(priority, slot, type));
  });
  return [...new Set(filters)];
}

function readsOf({ actor, reads }: ReplayRequest, lanes: readonly ActorLane[]): 'events' | 'commands' {
  if (lanes.length === 0) {
    const known = ACTOR_LANES.map(({ name }) => name).join(', ');
    throw new CommandError(`--actor: expected an actor that has run here (VisAPI's own are ${known}), got ${actor}`, {
      exitCode: exitCodes.notFound,
    });
  }
  const there = (['events', 'commands'] as const).filter((each) => lanes.some(({ stream }) => stream === STREAMS[each]));
  const chosen = reads ?? there[0] ?? 'commands';
  if (!there.includes(chosen)) throw new CommandError(`--stream: actor ${actor} reads ${there.join(' and ')}, not ${chosen}`);
  return chosen;
}

function partitionsOf(actor: string, lanes: readonly ActorLane[]): number {
  return ACTOR_LANES.find(({ name }) => name === actor)?.partitions ?? Math.max(...lanes.map(({ partition }) => partition)) + 1;
}

import { isSettledIn } from '../core/settled-span.ts';
import type { BrokerConnection } from '../jetstream/connection.ts';
import { type ConsumerPosition, readConsumerPositions } from '../jetstream/consumer-positions.ts';
import { scanLog } from '../jetstream/log-scan.ts';
import type { LaneFloor } from '../store/step-account.ts';

/** The consumers of some streams, by stream and name. Read them before the record: what is acknowledged is settled. */
export type ConsumersByStream = ReadonlyMap<string, readonly ConsumerPosition[]>;

export async function readConsumers(connection: BrokerConnection, streams: readonly string[]): Promise<ConsumersByStream> {
  return new Map(await Promise.all(streams.map(async (stream) => [stream, await readConsumerPositions(connection, stream)] as const)));
}

/** Messages that a lane's consumer has passed, and that nobody has settled. */
export interface Skipped {
  readonly lane: LaneFloor;
  readonly consumer: string;
  readonly sequences: readonly number[];
}

/** Messages that are named of one lane; the count has all. */
export interface PassedOptions {
  readonly connection: BrokerConnection;
  readonly lanes: readonly LaneFloor[];
  readonly consumers: ConsumersByStream;
  readonly consumerOf: (lane: LaneFloor) => string;
}

/**
 * Finds what consumers were made to skip. A message is acknowledged when it is settled, so a consumer stands behind its lane's floor or
 * at it; where it stands past it, somebody has moved it. Costs nothing more where none does.
 */
export async function findSkipped({ connection, lanes, consumers, consumerOf }: PassedOptions): Promise<Skipped[]> {
  const found: Skipped[] = [];
  for (const lane of lanes) {
    const name = consumerOf(lane);
    const consumer = consumers.get(lane.stream)?.find((each) => each.name === name);
    if (consumer === undefined || lane.floor < 0 || consumer.ackFloor <= lane.floor) continue;
    const sequences: number[] = [];
    for (const filter of consumer.filters) {
      const range = { stream: lane.stream, filter, fromSeq: lane.floor + 1, toSeq: consumer.ackFloor, headersOnly: true };
      for await (const chunk of scanLog(connection, range)) for (const { seq } of chunk) if (!isSettledIn(lane, seq)) sequences.push(seq);
    }
    if (sequences.length > 0) found.push({ lane, consumer: name, sequences: sequences.toSorted((a, b) => a - b) });
  }
  return found;
}

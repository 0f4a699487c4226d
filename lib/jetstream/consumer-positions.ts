import { requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';

/** Where a durable consumer stands. */
export interface ConsumerPosition {
  readonly name: string;
  /** Everything that it reads up to this sequence is acknowledged, or was passed over by a reset. */
  readonly ackFloor: number;
  readonly filters: readonly string[];
  /** Messages that it has still to hand out, or for which it has no acknowledgement. */
  readonly open: number;
}

interface Listed {
  readonly total: number;
  readonly consumers: readonly {
    readonly name: string;
    readonly ack_floor: { readonly stream_seq: number };
    readonly num_pending: number;
    readonly num_ack_pending: number;
    readonly config: { readonly durable_name?: string; readonly filter_subject?: string; readonly filter_subjects?: readonly string[] };
  }[];
}

const WITHIN_MS = 5_000;

/** All durable consumers of a stream. @throws AppError `broker_unavailable` when the broker does not answer within 5 s */
export async function readConsumerPositions(connection: BrokerConnection, stream: string): Promise<ConsumerPosition[]> {
  const positions: ConsumerPosition[] = [];
  for (let offset = 0; ;) {
    const page = await requestApiUntil<Listed>(connection, `$JS.API.CONSUMER.LIST.${stream}`, { offset }, WITHIN_MS);
    for (const { name, ack_floor, num_pending, num_ack_pending, config } of page.consumers)
      if (config.durable_name !== undefined)
        positions.push({
          name,
          ackFloor: ack_floor.stream_seq,
          open: num_pending + num_ack_pending,
          filters: config.filter_subjects ?? (config.filter_subject === undefined ? ['>'] : [config.filter_subject]),
        });
    offset += page.consumers.length;
    if (page.consumers.length === 0 || offset >= page.total) return positions;
  }
}

import type { BrokerPort } from '../actor/broker-port.ts';
import type { BrokerConnection } from './connection.ts';
import { createLaneSource } from './lane-source.ts';
import { readStored } from './log-reader.ts';
import type { Publisher } from './publisher.ts';

/** The runtime's broker on JetStream. Owns nothing: whoever made the connection and the publisher ends them. */
export function createBrokerAdapter(connection: BrokerConnection, publisher: Publisher): BrokerPort {
  return {
    lane: (spec) => createLaneSource(connection, spec),
    read: (stream, seq) => readStored(connection, stream, seq),
    publish: (emit, signal) => publisher.publish(emit, signal),
  };
}

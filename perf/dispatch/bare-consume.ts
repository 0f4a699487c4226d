import { AckPolicy, type ConsumerMessages, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { benchLane, PARTITIONS } from './bench-lanes.ts';
import type { Reading } from './keyed-dispatch.ts';

/** As many as a lane of ours has in hand, so that both are as far ahead of themselves. */
const IN_HAND = 256;

/**
 * What others would build: the client library's own consumers, one for each partition, each message read as JSON and acknowledged.
 * No keys, no order beyond the consumer's, no record, no log, no metrics. Seconds from the first message to the last acknowledgement.
 */
export async function runBareConsume({ connection, reader, count }: Reading): Promise<number> {
  const manager = await jetstreamManager(connection.nats);
  const stream = jetstream(connection.nats);
  const all: ConsumerMessages[] = [];
  let begunAt = 0;
  let seen = 0;
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const { spec } = benchLane(reader, partition);
    await manager.consumers.add(spec.stream, {
      name: spec.consumer,
      filter_subjects: [...spec.filterSubjects],
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      mem_storage: true,
      max_ack_pending: 1_000,
    });
  }
  const done = Promise.withResolvers<void>();
  const read = async (messages: ConsumerMessages): Promise<void> => {
    for await (const message of messages) {
      if (seen === 0) begunAt = performance.now();
      message.json();
      message.ack();
      seen += 1;
      if (seen === count) done.resolve();
    }
  };
  const reading: Promise<void>[] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const { spec } = benchLane(reader, partition);
    const consumer = await stream.consumers.get(spec.stream, spec.consumer);
    const messages = await consumer.consume({ max_messages: IN_HAND });
    all.push(messages);
    reading.push(read(messages));
  }
  await done.promise;
  // What was acknowledged has left this process.
  await connection.nats.flush();
  const seconds = (performance.now() - begunAt) / 1_000;
  for (const messages of all) messages.stop();
  await Promise.all(reading);
  return seconds;
}

import { AckPolicy, type Consumer, type ConsumerMessages, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { benchLane, PARTITIONS } from './bench-lanes.ts';
import { type DispatchReader, epochMs, type Reading } from './dispatch-reader.ts';

/** As many as a lane of ours has in hand, so that both are as far ahead of themselves. */
const IN_HAND = 256;

/**
 * What others would build: the client library's own consumers, one for each partition, each message read as JSON and acknowledged.
 * No keys, no order beyond the consumer's, no record, no log, no metrics.
 */
export async function openBareConsume({ connection, reader, addressee, index, processes }: Reading): Promise<DispatchReader> {
  const manager = await jetstreamManager(connection.nats);
  const stream = jetstream(connection.nats);
  const consumers: Consumer[] = [];
  const all: ConsumerMessages[] = [];
  let reading: Promise<void>[] = [];
  let begunAt: number | undefined;
  let ended = 0;
  for (let partition = index; partition < PARTITIONS; partition += processes) {
    const { spec } = benchLane(reader, addressee, partition);
    await manager.consumers.add(spec.stream, {
      durable_name: spec.consumer,
      filter_subjects: [...spec.filterSubjects],
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      mem_storage: true,
      max_ack_pending: 1_000,
    });
    consumers.push(await stream.consumers.get(spec.stream, spec.consumer));
  }
  const read = async (consumer: Consumer): Promise<void> => {
    const messages = await consumer.consume({ max_messages: IN_HAND });
    all.push(messages);
    for await (const message of messages) {
      begunAt ??= epochMs();
      message.json();
      message.ack();
      ended += 1;
    }
  };
  return {
    go: () => void (reading = consumers.map(read)),
    async progress() {
      const now = { begunAt, handled: ended, ended };
      // What was acknowledged has left this process.
      await connection.nats.flush();
      return now;
    },
    async stop() {
      for (const messages of all) messages.stop();
      await Promise.all(reading);
    },
  };
}

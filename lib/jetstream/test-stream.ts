import type { TestContext } from 'node:test';
import { openOwnBroker, openTestAccount } from '../dev/test-bed.ts';
import type { Broker } from '../dev/broker.ts';
import type { Emit } from '../actor/message.ts';
import { requestApi } from './api-request.ts';
import { connectBroker, type BrokerConnection } from './connection.ts';
import { scanLog, type ScannedMessage } from './log-scan.ts';
import { createPublisher, type Publisher, type PublisherOptions } from './publisher.ts';
import { nanoseconds, type StreamConfig } from './stream-config.ts';

/** A broker that waits for its disk answers late. */
export const ANSWER_MS = 30_000;

/** What the tests of this room stand on: a broker with one stream `LOG` of `log.>`. */
export interface TestLog {
  readonly url: string;
  readonly connection: BrokerConnection;
  publisher(options?: PublisherOptions): Publisher;
}

export const TEST_STREAM: StreamConfig = {
  name: 'LOG',
  subjects: ['log.>'],
  retention: 'limits',
  storage: 'file',
  num_replicas: 1,
  discard: 'new',
  max_age: 0,
  max_bytes: 256 * 1024 * 1024,
  duplicate_window: nanoseconds(120_000),
  allow_direct: true,
  allow_atomic: true,
};

/** On the broker that all tests share. */
export async function openTestLog(t: TestContext, config: Partial<StreamConfig> = {}): Promise<TestLog> {
  return await openLog(t, await openTestAccount(), config);
}

/** On a broker that the test may kill and freeze. */
export async function openOwnTestLog(t: TestContext, config: Partial<StreamConfig> = {}): Promise<TestLog & { readonly broker: Broker }> {
  const broker = await openOwnBroker(t);
  return { broker, ...(await openLog(t, broker.url, config)) };
}

async function openLog(t: TestContext, url: string, config: Partial<StreamConfig>): Promise<TestLog> {
  const connection = await connectBroker({ url, name: 'test' });
  t.after(() => connection.close());
  await requestApi(connection, '$JS.API.STREAM.CREATE.LOG', { ...TEST_STREAM, ...config }, ANSWER_MS);
  return {
    url,
    connection,
    publisher(options) {
      const publisher = createPublisher(connection, options);
      t.after(() => publisher.stop(0));
      return publisher;
    },
  };
}

export function testEmit(key: string, number: number, body = ''): Emit {
  return { id: `${key}:${number}`, subject: 'log.default.1.test', key, headers: { 'ce-type': 'test' }, body: Buffer.from(body) };
}

export async function readAll(connection: BrokerConnection, stream = 'LOG'): Promise<ScannedMessage[]> {
  const messages: ScannedMessage[] = [];
  for await (const chunk of scanLog(connection, { stream })) messages.push(...chunk);
  return messages;
}

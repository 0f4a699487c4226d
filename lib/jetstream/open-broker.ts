import type { BrokerConfig } from '../config/common.ts';
import { checkBroker } from './broker-check.ts';
import { type BrokerConnection, connectBroker } from './connection.ts';

/** The subset of a program's log that is written to here. */
interface WarningLog {
  warn(fields: object, text: string): void;
}

/**
 * Connects a program to its broker and checks that the broker keeps what it confirms.
 * @throws AppError `broker_unavailable`, `unsafe_broker`; the connection is closed then
 */
export async function openBroker(config: BrokerConfig, name: string, log: WarningLog): Promise<BrokerConnection> {
  const { natsUrl, natsUser, natsPassword, natsMonitorUrl, allowUnsafeBroker } = config;
  const connection = await connectBroker({
    url: natsUrl.reveal(),
    name,
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPassword === undefined ? {} : { password: natsPassword.reveal() }),
  });
  try {
    const { problems } = await checkBroker(connection, { monitorUrl: natsMonitorUrl, allowUnsafe: allowUnsafeBroker });
    for (const because of problems) log.warn({ because }, 'the broker is not safe, and is used all the same');
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

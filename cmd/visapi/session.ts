/** What a command talks to. Clients are loaded when they are needed: each takes longer to load than most commands take to run. */
import { hostname, userInfo } from 'node:os';
import type { Seal } from '../../lib/core/seal.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import type { Publisher } from '../../lib/jetstream/publisher.ts';
import type { KeyStore } from '../../lib/settings/key-store.ts';
import type { SourceStore } from '../../lib/settings/source-store.ts';
import type { Database } from '../../lib/store/database.ts';
import { readToolConfig } from './config.ts';
import { findAddresses } from './connection.ts';
import { toDatabaseError } from './database-trouble.ts';
import { CommandError } from './output.ts';

/**
 * Runs something with the database and closes it. Whether the database is safe to run on is for the programs to judge: who
 * looks into an unsafe one has to see what is there.
 */
export async function withDatabase<Result>(run: (database: Database) => Promise<Result>): Promise<Result> {
  const { databaseUrl } = await findAddresses();
  const { openDatabase } = await import('../../lib/store/database.ts');
  // The programs insist on durable commits before they start; whoever gives a command sees what came of it.
  const database = await openDatabase({ url: databaseUrl, applicationName: 'visapi tool', maxConnections: 4, allowUnsafe: true });
  try {
    return await run(database);
  } catch (error) {
    throw toDatabaseError(error, databaseUrl);
  } finally {
    await database.close();
  }
}

/** A person waits: a broker that is not there is told soon. */
const FIRST_CONNECT_MS = 3_000;

/** Runs something with a connection to the broker and closes it. */
export async function withBroker<Result>(run: (connection: BrokerConnection) => Promise<Result>): Promise<Result> {
  const { natsUrl } = await findAddresses();
  const { connectBroker } = await import('../../lib/jetstream/connection.ts');
  const connection = await connectBroker({ url: natsUrl, name: 'visapi tool', firstConnectMs: FIRST_CONNECT_MS });
  try {
    return await run(connection);
  } finally {
    await connection.close();
  }
}

/** Runs something that publishes into the log. */
export async function withPublisher<Result>(run: (publisher: Publisher) => Promise<Result>): Promise<Result> {
  const { createPublisher } = await import('../../lib/jetstream/publisher.ts');
  return await withBroker(async (connection) => {
    const publisher = createPublisher(connection);
    try {
      return await run(publisher);
    } finally {
      // Whatever was published is confirmed; what was not has thrown.
      await publisher.stop(1_000);
    }
  });
}

/** What opens sealed values; undefined where this tool was not given the key. */
export async function openSeal(): Promise<Seal | undefined> {
  const { secretsKey } = readToolConfig();
  if (secretsKey === undefined) return undefined;
  const { createSeal } = await import('../../lib/core/seal.ts');
  return createSeal(secretsKey);
}

/** Sources and API keys, where they are kept. */
export interface SettingStores {
  readonly sources: SourceStore;
  readonly keys: KeyStore;
}

/** Runs something with the stores of sources and keys. Only what seals, opens or makes a key needs the secrets for it. */
export async function withSettings<Result>(run: (stores: SettingStores) => Promise<Result>): Promise<Result> {
  return await withBroker(async (connection) => run(await openSettingStores(connection)));
}

/** The same over a connection that is there. */
export async function openSettingStores(connection: BrokerConnection): Promise<SettingStores> {
  const { env, apiKeyPepper } = readToolConfig();
  const [{ createKvBucket }, { createSourceStore }, { createKeyStore }, { KEY_ENVIRONMENTS }, { CONFIG_BUCKET }, seal] = await Promise.all([
    import('../../lib/jetstream/kv-bucket.ts'),
    import('../../lib/settings/source-store.ts'),
    import('../../lib/settings/key-store.ts'),
    import('../../lib/access/api-key.ts'),
    import('../../streams/config-bucket.ts'),
    openSeal(),
  ]);
  const missing = (name: string) => (): never => {
    throw new CommandError(`expected ${name} or ${name}_FILE, as ingest has it; npm start makes one for this machine`);
  };
  const options = { bucket: createKvBucket(connection, CONFIG_BUCKET), who: `${whoami()}@${hostname()}` };
  return {
    sources: createSourceStore({ ...options, seal: seal ?? { seal: missing('VISAPI_SECRETS_KEY'), open: missing('VISAPI_SECRETS_KEY') } }),
    keys: createKeyStore({
      ...options,
      pepper: apiKeyPepper === undefined ? missing('API_KEY_PEPPER') : () => apiKeyPepper,
      env: KEY_ENVIRONMENTS[env],
    }),
  };
}

/** Whoever gave the command, for the audit log. */
export function whoami(): string {
  return userInfo().username;
}

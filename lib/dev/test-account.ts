import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Client } from 'pg';
import { eachBroker } from './test-brokers.ts';
import { testAccounts } from './test-servers.ts';

/**
 * Takes the next account of the run's broker. A sequence in the run's database hands them out, so that parallel files never share one.
 * @throws Error when all are taken
 */
export async function takeAccount(natsUrl: string, databaseUrl: string): Promise<string> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // Two files may get here at once, and "if not exists" is not safe against that.
    await client.query('select pg_advisory_lock(1)');
    await client.query('create sequence if not exists test_account minvalue 0');
    const { rows } = await client.query<{ n: string }>(`select nextval('test_account') as n`);
    const account = Number(rows[0]?.n);
    if (account >= testAccounts) throw new Error(`the test broker has ${testAccounts} accounts and all are taken: raise testAccounts`);
    return eachBroker(natsUrl, (url) => {
      url.username = `t${account}`;
      url.password = 'test';
    });
  } finally {
    await client.end();
  }
}

/** Removes an account's streams: with hundreds of tests their files would fill the disk of a small machine. */
export async function dropStreams(natsUrl: string): Promise<void> {
  const urls = natsUrl.split(',').map((each) => new URL(each));
  const { username = '', password = '' } = urls[0] ?? {};
  const connection = await connect({ servers: urls.map(({ host }) => host), user: username, pass: password, reconnect: false });
  try {
    const manager = await jetstreamManager(connection);
    for await (const name of manager.streams.names()) await manager.streams.delete(name);
  } finally {
    await connection.close();
  }
}

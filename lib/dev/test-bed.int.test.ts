import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Client } from 'pg';
import { openOwnBroker, openOwnDatabase, openTestBed } from './test-bed.ts';

test('two beds have streams of the same name and share nothing', async (t) => {
  const beds = await Promise.all([openTestBed(t), openTestBed(t)]);
  assert.notEqual(beds[0].natsUrl, beds[1].natsUrl);
  for (const bed of beds) {
    const url = new URL(bed.natsUrl);
    const connection = await connect({ servers: url.host, user: url.username, pass: url.password });
    t.after(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] });
    const { seq } = await jetstream(connection).publish('events.a', 'x');
    assert.equal(seq, 1, 'the stream of the other bed has its own sequence');
  }
});

test('two beds have databases of their own', async (t) => {
  const options = { migrated: false };
  const beds = await Promise.all([openTestBed(t, options), openTestBed(t, options)]);
  for (const bed of beds) {
    const client = new Client({ connectionString: bed.databaseUrl });
    await client.connect();
    t.after(() => client.end());
    await client.query('create table only_mine ()');
  }
});

const audited = async (url: string): Promise<{ at: string; ids: string[] }> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`insert into audit_log (who, action, target) values ('a', 'b', 'c')`);
    const { rows } = await client.query<{ id: string }>('select id from audit_log');
    return { at: new URL(url).pathname, ids: rows.map(({ id }) => id) };
  } finally {
    await client.end();
  }
};
const seen: Awaited<ReturnType<typeof audited>>[] = [];

for (const turn of ['first', 'second'])
  test(`a migrated database is empty when a test gets it: the ${turn} of two`, async (t) => {
    seen.push(await audited((await openTestBed(t)).databaseUrl));
    assert.deepEqual(seen.at(-1)?.ids, ['1']);
    assert.equal(new Set(seen.map(({ at }) => at)).size, 1, 'the second gets the one of the first');
  });

test('a broker of its own keeps what it confirmed over kill -9 and start', async (t) => {
  const broker = await openOwnBroker(t);
  const before = await connect({ servers: broker.url, reconnect: false });
  await (await jetstreamManager(before)).streams.add({ name: 'EVENTS', subjects: ['events.>'] });
  await jetstream(before).publish('events.a', 'x');
  await broker.kill();
  await before.closed();
  assert.equal(broker.pid, undefined);
  await broker.start();
  const after = await connect({ servers: broker.url });
  t.after(() => after.close());
  const info = await (await jetstreamManager(after)).streams.info('EVENTS');
  assert.equal(info.state.messages, 1);
});

test('a database of its own is durable and keeps what it confirmed over kill -9 and start', async (t) => {
  const postgres = await openOwnDatabase(t);
  const query = async (text: string) => {
    const client = new Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, string>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  assert.deepEqual(await query('show fsync'), [{ fsync: 'on' }]);
  await query('create table kept ()');
  await postgres.kill();
  await postgres.start();
  assert.deepEqual(await query('select count(*) as n from kept'), [{ n: '0' }]);
});

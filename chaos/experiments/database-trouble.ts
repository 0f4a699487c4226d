import { Client } from 'pg';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

/** More than the server has (`max_connections` is 300 there). */
const CONNECTIONS = 320;

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export const lockTables: Experiment = {
  name: 'lock-tables',
  shows: 'While somebody holds a lock on the record everything waits for it, and goes on from where it was.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'an exclusive lock on the tables of the record, held for a while',
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      for (let round = 0; round < rounds; round += 1) {
        const client = await connect(scene.system.databaseUrl);
        try {
          await scene.during('tables are locked', async () => {
            scene.count('other');
            await client.query('begin');
            await client.query('lock table effects, lanes, runs in access exclusive mode');
            await scene.wait(scene.amount(4_000, 8_000, 15_000));
          });
        } finally {
          // With its transaction.
          await client.end();
        }
        await scene.wait(3_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

export const exhaustConnections: Experiment = {
  name: 'exhaust-connections',
  shows: 'When the database has no connection left, programs that lost theirs wait for one, and nothing is lost meanwhile.',
  steadyState: answersAndDelivers,
  fault: {
    says: "the programs' connections are ended, and all that the server has are taken",
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      for (let round = 0; round < rounds; round += 1) {
        const taken: Client[] = [];
        try {
          await scene.during('no connection left', async () => {
            scene.count('other');
            const first = await connect(scene.system.databaseUrl);
            taken.push(first);
            await first.query(
              `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename <> current_user`,
            );
            await Promise.all(
              Array.from({ length: CONNECTIONS }, () =>
                connect(scene.system.databaseUrl)
                  .then((client) => taken.push(client))
                  .catch(() => undefined),
              ),
            );
            scene.note(`${taken.length} connections were taken`);
            await scene.wait(scene.amount(4_000, 8_000, 15_000));
          });
        } finally {
          await Promise.all(taken.map((client) => client.end().catch(() => undefined)));
        }
        await scene.wait(3_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

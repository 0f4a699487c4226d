import { Kysely, PostgresDialect } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { applyRights } from './apply-rights.ts';
import { record } from './migrations/0001-record.ts';
import { projection } from './migrations/0002-projection.ts';
import { auditLog } from './migrations/0003-audit-log.ts';
import { stepReason } from './migrations/0004-step-reason.ts';
import { timers } from './migrations/0005-timers.ts';
import { deadLetterGroups } from './migrations/0006-dead-letter-groups.ts';
import { replays } from './migrations/0007-replays.ts';
import { actorStates } from './migrations/0008-actor-states.ts';
import { members } from './migrations/0009-members.ts';
import { openSequences } from './migrations/0010-open-sequences.ts';

/** In order of their names; an applied one is never changed, what it lacks comes in the next. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-record': record,
  '0002-projection': projection,
  '0003-audit-log': auditLog,
  '0004-step-reason': stepReason,
  '0005-timers': timers,
  '0006-dead-letter-groups': deadLetterGroups,
  '0007-replays': replays,
  '0008-actor-states': actorStates,
  '0009-members': members,
  '0010-open-sequences': openSequences,
};

/**
 * Brings the schema up to date, gives every program's role its rights, and resolves with the names of the migrations that it
 * applied. May run in several processes at once: one does the work, the others wait for it and find nothing to do. All or nothing.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  // A connection of its own without time limits: a migration may take long, and so does waiting for another process's.
  const pool = new pg.Pool({ connectionString: databaseUrl, application_name: 'visapi-migrate', max: 1, connectionTimeoutMillis: 5_000 });
  pool.on('error', () => undefined);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw error instanceof Error ? error : new Error('the migrations failed', { cause: error });
    await applyRights(db);
    return results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName);
  } finally {
    await db.destroy();
  }
}

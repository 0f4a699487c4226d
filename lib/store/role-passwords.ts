import pg from 'pg';
import { DATABASE_PROGRAMS, type DatabaseProgram, roleOf } from './table-rights.ts';

/** Says what each role logs in with. For whoever may change roles; may be called again. */
export async function setRolePasswords(ownerUrl: string, passwords: Readonly<Record<DatabaseProgram, string>>): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'visapi-roles', connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    for (const program of DATABASE_PROGRAMS)
      await client.query(`alter role ${roleOf(program)} password ${client.escapeLiteral(passwords[program])}`);
  } finally {
    await client.end();
  }
}

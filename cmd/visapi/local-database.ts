import { join } from 'node:path';
import type { LocalHome } from '../../lib/dev/local-home.ts';
import { ensurePasswords } from '../../lib/dev/local-secrets.ts';
import { createPostgres, type Postgres } from '../../lib/dev/postgres.ts';
import { roleAddress } from '../../lib/store/role-address.ts';
import { setRolePasswords } from '../../lib/store/role-passwords.ts';
import { DATABASE_PROGRAMS, type DatabaseProgram } from '../../lib/store/table-rights.ts';
import type { ToolConfig } from './config.ts';

/** The database of `visapi dev`: its own, with a role for each program, or one somewhere else as its address says. */
export interface LocalDatabase {
  /** Undefined where it is somewhere else. */
  readonly server: Postgres | undefined;
  /** Whom the tables belong to: migrations run as it. */
  readonly ownerUrl: string;
  readonly urls: Readonly<Record<DatabaseProgram, string>>;
  /** After the migrations, which make the roles: from then on the programs can log in. */
  admitPrograms(): Promise<void>;
}

const OWNER = 'owner';

/** Makes the passwords on the first start; nothing runs yet. */
export async function createLocalDatabase(config: ToolConfig, home: LocalHome): Promise<LocalDatabase> {
  const { databaseUrl } = config;
  const urlsOf = (url: (program: DatabaseProgram) => string) =>
    Object.fromEntries(DATABASE_PROGRAMS.map((program) => [program, url(program)])) as Record<DatabaseProgram, string>;
  // Roles and passwords of somebody else's server are for its own people to make.
  if (databaseUrl)
    return { server: undefined, ownerUrl: databaseUrl, urls: urlsOf(() => databaseUrl), admitPrograms: () => Promise.resolve() };
  const passwords = await ensurePasswords(home.databasePasswords, [OWNER, ...DATABASE_PROGRAMS]);
  const server = createPostgres({
    folder: home.postgresData,
    port: config.postgres,
    logFile: join(home.logs, 'postgres.log'),
    password: passwords[OWNER],
  });
  return {
    server,
    ownerUrl: server.url,
    urls: urlsOf((program) => roleAddress(server.url, program, passwords[program])),
    admitPrograms: () => setRolePasswords(server.url, passwords),
  };
}

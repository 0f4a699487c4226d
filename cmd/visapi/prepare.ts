import { migrate } from '../../lib/store/migrate.ts';

/** What has to be in broker and database before a program starts: tables, streams and, on the first start, the demo's workflow. */
export async function prepareStores(_natsUrl: string, databaseUrl: string, say: (line: string) => void): Promise<void> {
  const applied = await migrate(databaseUrl);
  if (applied.length > 0) say(`applied ${applied.length} migration(s)`);
}

import { CompiledQuery } from 'kysely';
import type { Database } from './database.ts';

/** What a reader asks: the database itself, or one snapshot of it. */
export type StoreReader = Pick<Database, 'tables' | 'query'>;

/**
 * Reads as of one moment: `work` sees what was committed before its first statement, and nothing that is committed while it
 * reads. For pictures that are put together from several tables. One client, so its statements run one after the other.
 */
export async function readSnapshot<Value>(database: Database, work: (reader: StoreReader) => Promise<Value>): Promise<Value> {
  const snapshot = database.tables.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return await snapshot.execute((tables) =>
    work({
      tables,
      query: async <Row>({ text, values = [] }: Parameters<Database['query']>[0]) =>
        (await tables.executeQuery(CompiledQuery.raw(text, [...values]))).rows as Row[],
    }),
  );
}

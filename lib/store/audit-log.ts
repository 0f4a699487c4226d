import type { Kysely } from 'kysely';
import { cleanText, toJson } from './clean-text.ts';
import type { StoreTables } from './tables.ts';

/** Who did what by hand. */
export interface AuditEntry {
  /** A person or a tool, as far as it is known. */
  readonly who: string;
  /** `<noun>.<verb>` */
  readonly action: string;
  readonly target: string;
  readonly detail: unknown;
}

/** Belongs into the transaction of what it tells about. */
export async function writeAudit(tables: Kysely<StoreTables>, { who, action, target, detail }: AuditEntry): Promise<void> {
  await tables
    .insertInto('audit_log')
    .values({ who: cleanText(who), action, target: cleanText(target), detail: toJson(detail) })
    .execute();
}

import { sql } from 'kysely';
import type { StoredWorkflow } from '../workflow/run-reader.ts';
import { writeAudit } from './audit-log.ts';
import { jsonDigest } from './canonical-json.ts';
import { toJson } from './clean-text.ts';
import type { Database } from './database.ts';

export interface AppliedWorkflow {
  readonly name: string;
  readonly version: number;
  /** False: the newest version has the same content already. */
  readonly isNew: boolean;
}

export interface WorkflowSummary {
  readonly name: string;
  readonly newestVersion: number;
  /** Null: the workflow opens no runs. */
  readonly enabledVersion: number | null;
  readonly savedAt: Date;
}

/**
 * Saves a document that was checked as the workflow's next version and enables it. A version never changes: the same content as
 * the newest one makes no new version. Two that come at once get a version each.
 */
export async function applyWorkflow(
  database: Database,
  workflow: { name: string; document: unknown; who: string },
): Promise<AppliedWorkflow> {
  const { name, document, who } = workflow;
  const digest = jsonDigest(document);
  return await database.tables.transaction().execute(async (tables) => {
    await sql`select pg_advisory_xact_lock(hashtext('workflow'), hashtext(${name}))`.execute(tables);
    const newest = await tables
      .selectFrom('workflow_versions')
      .select(['version', 'digest'])
      .where('name', '=', name)
      .orderBy('version', 'desc')
      .executeTakeFirst();
    const isNew = newest?.digest !== digest;
    const version = (newest?.version ?? 0) + (isNew ? 1 : 0);
    if (isNew) {
      await tables
        .insertInto('workflow_versions')
        .values({ name, version, document: toJson(document), digest })
        .execute();
      await writeAudit(tables, { who, action: 'workflow.apply', target: name, detail: { version } });
    }
    await tables
      .insertInto('workflows')
      .values({ name, enabled_version: version })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ enabled_version: version }))
      .execute();
    return { name, version, isNew };
  });
}

/** Resolves with false where it opened no runs already. Saving it again enables it. */
export async function disableWorkflow(database: Database, { name, who }: { name: string; who: string }): Promise<boolean> {
  return await database.tables.transaction().execute(async (tables) => {
    const changed = await tables
      .updateTable('workflows')
      .set({ enabled_version: null })
      .where('name', '=', name)
      .where('enabled_version', 'is not', null)
      .returning('name')
      .execute();
    if (changed.length > 0) await writeAudit(tables, { who, action: 'workflow.disable', target: name, detail: null });
    return changed.length > 0;
  });
}

/** By name. */
export async function listWorkflows(database: Database): Promise<WorkflowSummary[]> {
  const rows = await database.tables
    .selectFrom('workflow_versions as v')
    .leftJoin('workflows as w', 'w.name', 'v.name')
    .distinctOn('v.name')
    .select(['v.name', 'v.version', 'v.created_at', 'w.enabled_version'])
    .orderBy('v.name')
    .orderBy('v.version', 'desc')
    .execute();
  return rows.map((row) => ({ name: row.name, newestVersion: row.version, enabledVersion: row.enabled_version, savedAt: row.created_at }));
}

/** The enabled version of every workflow. */
export async function enabledWorkflows(database: Database): Promise<StoredWorkflow[]> {
  const text = `
    select v.name, v.version, v.document from workflows w
    join workflow_versions v on v.name = w.name and v.version = w.enabled_version
    order by v.name`;
  return await database.query<StoredWorkflow & { [column: string]: unknown }>({ name: 'enabled-workflows', text });
}

/** One version, enabled or not. */
export async function findWorkflow(database: Database, name: string, version: number): Promise<StoredWorkflow | undefined> {
  const text = 'select name, version, document from workflow_versions where name = $1 and version = $2';
  const [row] = await database.query<StoredWorkflow & { [column: string]: unknown }>({
    name: 'workflow-version',
    text,
    values: [name, version],
  });
  return row;
}

/** The version that new runs begin with; undefined where the workflow is not known or opens none. */
export async function enabledVersion(database: Database, name: string): Promise<StoredWorkflow | undefined> {
  const row = await database.tables.selectFrom('workflows').select('enabled_version').where('name', '=', name).executeTakeFirst();
  const version = row?.enabled_version ?? undefined;
  return version === undefined ? undefined : await findWorkflow(database, name, version);
}

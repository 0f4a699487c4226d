/**
 * What each program may do with each table: the one place where that is said. A migration run brings the database to it
 * (lib/store/apply-rights.ts), docs/database-rights.md is written from it, and a test holds both to the database.
 *
 * A new table comes with its line here. Nobody but the owner, who migrates, may do what is not said; ingest has no role, since it
 * works without the database.
 */

/**
 * Programs that run actors: each has the lanes' record, whatever its actors are. The renderer and the process of a user's own actors
 * are processors that run no workflows, and see nothing of them.
 */
const RUN_ACTORS = ['processor', 'renderer', 'user_actors', 'notifier'] as const;

/** The programs that have a role at the database. */
export const DATABASE_PROGRAMS = [...RUN_ACTORS, 'tool'] as const;

export type DatabaseProgram = (typeof DATABASE_PROGRAMS)[number];

export type Right = 'select' | 'insert' | 'update' | 'delete';

/** `actors` stands for every program that runs actors; what a program has for itself is added to that. */
type RightsOfTable = Readonly<Partial<Record<DatabaseProgram | 'actors', readonly Right[]>>>;

export const TABLE_RIGHTS: Readonly<Record<string, RightsOfTable>> = {
  units: { actors: ['select', 'insert', 'update'], tool: ['select'] },
  members: { actors: ['select', 'insert', 'update', 'delete'], tool: ['select'] },
  lanes: { actors: ['select', 'insert', 'update'], tool: ['select'] },
  // The tool parks what is redelivered; its owner takes it over.
  parked: { actors: ['select', 'insert', 'update', 'delete'], tool: ['select', 'insert'] },
  suspects: { actors: ['select', 'insert', 'update', 'delete'], tool: ['select'] },
  // A person decides about held ones.
  effects: { actors: ['select', 'insert', 'update'], tool: ['select', 'update'] },
  outbox: { actors: ['select', 'insert', 'delete'], tool: ['select'] },
  timers: { actors: ['select', 'insert', 'delete'], tool: ['select'] },
  dead_letters: { actors: ['select', 'insert', 'update'], tool: ['select', 'update'] },
  outcomes: { actors: ['select', 'insert'], tool: ['select'] },
  events: { processor: ['select', 'insert'], tool: ['select'] },
  runs: { processor: ['select', 'insert', 'update'], tool: ['select'] },
  steps: { processor: ['select', 'insert', 'update'], tool: ['select'] },
  kept_events: { processor: ['select', 'insert', 'delete'], tool: ['select'] },
  workflows: { processor: ['select'], tool: ['select', 'insert', 'update'] },
  workflow_versions: { processor: ['select'], tool: ['select', 'insert'] },
  // A reset of a consumer by hand is a replay that its owner records.
  replays: { actors: ['select', 'insert', 'update'], tool: ['select', 'insert', 'update'] },
  replay_lanes: { actors: ['select', 'insert', 'update'], tool: ['select', 'insert'] },
  // What actors keep of their keys: only they write it, in the transaction that settles a message.
  actor_states: { actors: ['select', 'insert', 'update', 'delete'], tool: ['select'] },
  audit_log: { actors: ['insert'], tool: ['select', 'insert'] },
  // Which migrations are applied is the owner's business alone.
  kysely_migration: {},
  kysely_migration_lock: {},
};

/** The role that a program connects with. Roles belong to the server, hence the prefix. */
export function roleOf(program: DatabaseProgram): string {
  return `visapi_${program}`;
}

const ORDER: readonly Right[] = ['select', 'insert', 'update', 'delete'];

/** What a program may do with a table, in one order. */
export function rightsOn(table: string, program: DatabaseProgram): readonly Right[] {
  const declared = TABLE_RIGHTS[table] ?? {};
  const shared = (RUN_ACTORS as readonly string[]).includes(program) ? (declared.actors ?? []) : [];
  const all = new Set([...shared, ...(declared[program] ?? [])]);
  return ORDER.filter((right) => all.has(right));
}

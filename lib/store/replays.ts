import { sql, type SqlBool } from 'kysely';
import type { ReplayPart } from '../actor/replay.ts';
import { writeAudit } from './audit-log.ts';
import { cleanText, toJson } from './clean-text.ts';
import type { Database } from './database.ts';

/** What people ask of replays. The units' owners do the work (see replay-lanes.ts); nobody has to stay for it. */

export type ReplayStatus = 'running' | 'paused' | 'done' | 'aborted';

export interface NewReplay {
  readonly id: string;
  readonly actor: string;
  readonly kind: ReplayPart['kind'];
  readonly stream: string;
  /** In the words of whoever asked, for people. JSON. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly repeat: readonly string[];
  readonly divertTo: readonly string[];
  /** Messages per second; null: as many as there are. */
  readonly rate: number | null;
  /** Messages that there were to replay when it was asked for. */
  readonly total: number;
  readonly who: string;
  readonly parts: readonly NewReplayPart[];
}

export type NewReplayPart = Pick<ReplayPart, 'partition' | 'priority' | 'fromSeq' | 'untilSeq' | 'filterSubjects' | 'key' | 'types'>;

export interface ReplaySummary extends Omit<NewReplay, 'parts' | 'total'> {
  readonly status: ReplayStatus;
  /** Null: it was a reset by hand, and nobody has counted. */
  readonly total: number | null;
  readonly handled: number;
  /** Left to their first handling, which had not ended. */
  readonly skipped: number;
  /** Of those handled: rows that wait for a retry, or behind one. */
  readonly waiting: number;
  readonly createdAt: string;
  /** Since when it has its status. */
  readonly statusAt: string;
}

/** With its audit row. Its parts are taken up by their units' owners within a moment. */
export async function createReplay(database: Database, replay: NewReplay): Promise<void> {
  const { id, actor, kind, stream, asked, repeat, divertTo, rate, total, who, parts } = replay;
  await database.tables.transaction().execute(async (tables) => {
    await tables
      .insertInto('replays')
      .values({
        id,
        actor,
        kind,
        stream,
        rate,
        total,
        who: cleanText(who),
        asked: toJson(asked),
        repeat_actors: [...repeat],
        divert_to: divertTo.map(cleanText),
      })
      .execute();
    if (parts.length > 0)
      await tables
        .insertInto('replay_lanes')
        .values(
          parts.map(({ partition, priority, fromSeq, untilSeq, filterSubjects, key, types }) => ({
            replay: id,
            actor,
            partition,
            stream,
            priority,
            key,
            filters: [...filterSubjects],
            types: [...types],
            from_seq: fromSeq,
            until_seq: untilSeq,
            floor: fromSeq - 1,
          })),
        )
        .execute();
    await writeAudit(tables, {
      who,
      action: 'replay.begin',
      target: id,
      detail: { actor, kind, stream, ...asked, repeat, divertTo, rate, total },
    });
  });
}

/** Newest first; `after` is the id of the last one of the page before. */
export async function listReplays(
  database: Database,
  filter: { status?: ReplayStatus | undefined; after?: string | undefined },
  limit: number,
): Promise<ReplaySummary[]> {
  const { status, after } = filter;
  let query = summaries(database);
  if (status !== undefined) query = query.where('r.status', '=', status);
  if (after !== undefined)
    query = query.where(sql<SqlBool>`(r.created_at, r.id) < (select created_at, id from replays where id = ${after})`);
  return (await query.orderBy('r.created_at', 'desc').orderBy('r.id', 'desc').limit(limit).execute()).map(summaryOf);
}

export async function readReplay(database: Database, id: string): Promise<ReplaySummary | undefined> {
  const row = await summaries(database).where('r.id', '=', id).executeTakeFirst();
  return row && summaryOf(row);
}

/** With its audit row. False where it has none of the statuses that it may change from: nothing was done. */
export async function setReplayStatus(
  database: Database,
  change: { readonly id: string; readonly from: readonly ReplayStatus[]; readonly to: ReplayStatus; readonly who: string },
): Promise<boolean> {
  const { id, from, to, who } = change;
  const verb = to === 'running' ? 'resume' : to === 'paused' ? 'pause' : 'abort';
  return await database.tables.transaction().execute(async (tables) => {
    const changed = await sql<object>`
      update replays set status = ${to}, status_at = clock_timestamp(), tokens = 0, filled_at = clock_timestamp()
      where id = ${id} and status = any (${[...from]}::text[]) returning 1`.execute(tables);
    if (changed.rows.length === 0) return false;
    await writeAudit(tables, { who, action: `replay.${verb}`, target: id, detail: {} });
    return true;
  });
}

export interface ActorLane {
  readonly partition: number;
  readonly stream: string;
  readonly priority: string;
  readonly floor: number;
  /** Whether some process has its unit. */
  readonly isOwned: boolean;
}

/** The lanes that an actor has had so far; none: no such actor has run yet. */
export async function actorLanes(database: Database, actor: string): Promise<ActorLane[]> {
  const text = `
    select l.partition, l.stream, l.priority, l.floor, (u.owner is not null and u.lease_until > clock_timestamp()) as "isOwned"
    from lanes l join units u on u.actor = l.actor and u.partition = l.partition
    where l.actor = $1 order by l.stream, l.partition, l.priority`;
  return await database.query<ActorLane & Record<string, unknown>>({ text, values: [actor] });
}

function summaries(database: Database) {
  return database.tables
    .selectFrom('replays as r')
    .selectAll('r')
    .select([
      sql<number>`(select coalesce(sum(l.handled), 0) from replay_lanes l where l.replay = r.id)::bigint`.as('handled'),
      sql<number>`(select coalesce(sum(l.skipped), 0) from replay_lanes l where l.replay = r.id)::bigint`.as('skipped'),
      sql<number>`(select count(*) from parked p where p.replay <> '' and p.replay = r.id)::bigint`.as('waiting'),
    ]);
}

type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaries>['execute']>>[number];

function summaryOf(row: SummaryRow): ReplaySummary {
  const { id, actor, kind, status, who, stream, asked, rate, total, handled, skipped, waiting } = row;
  return {
    id,
    actor,
    kind,
    status,
    who,
    stream,
    rate,
    total,
    handled,
    skipped,
    waiting,
    asked: asked as ReplaySummary['asked'],
    repeat: row.repeat_actors,
    divertTo: row.divert_to,
    createdAt: row.created_at.toISOString(),
    statusAt: row.status_at.toISOString(),
  };
}

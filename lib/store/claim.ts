import type { ClaimAnswer, EffectClaim } from '../actor/record-port.ts';
import type { Database } from './database.ts';
import { fencedStatement, type StatementPart } from './fenced-statement.ts';
import { unitOf } from './settle-record.ts';

/**
 * The ledger's state machine, decided by the database in the statement that claims:
 *
 * | the effect is | answer |
 * |---|---|
 * | not there, or `failed` | granted |
 * | `claimed` by this very claim (the same token) | granted, again: its commit was not heard of |
 * | `done` | done, with its result |
 * | `claimed` by another, or `unknown`: nobody knows | rule `hold`: held. Rule `repeat`: granted once more, marked; then held |
 * | `held` | held |
 *
 * A claim of a unit that has a newer epoch is fenced, whatever the effect's state.
 */
const CLAIM: StatementPart = {
  name: 'claim',
  columns: `id text, message_id text, name text, token text, on_unknown text, stream text, seq bigint, priority text, key text`,
  write: `
claim_write as (
  insert into effects as e (id, actor, partition, epoch, message_id, name, state, token, on_unknown, stream, seq, priority, key)
  select id, actor, partition, epoch, message_id, name, 'claimed', token, on_unknown, stream, seq, priority, key from claim
  on conflict (id) do update
    set state = case
          when e.state = 'failed' or (e.state = 'claimed' and e.token = excluded.token) then 'claimed'
          when excluded.on_unknown = 'repeat' and e.repeats = 0 then 'claimed'
          else 'held' end,
        repeats = case
          when e.state = 'failed' or (e.state = 'claimed' and e.token = excluded.token) then e.repeats
          when excluded.on_unknown = 'repeat' then 1
          else e.repeats end,
        partition = excluded.partition, epoch = excluded.epoch, token = excluded.token, on_unknown = excluded.on_unknown,
        stream = excluded.stream, seq = excluded.seq, priority = excluded.priority, key = excluded.key, claimed_at = now(), ended_at = null
    where e.state not in ('done', 'held')
  returning e.id, e.state, e.repeats
)`,
};

/** What is done or held is not written, so it is read as it was before; no effect is in both halves. */
const SELECT_ANSWERS = `
select id, state, repeats, null::jsonb as result from claim_write
union all
select e.id, e.state, e.repeats, e.result from effects e where e.state in ('done', 'held') and e.id in (select id from claim)`;

interface AnswerRow {
  readonly id: string;
  readonly state: string;
  readonly repeats: number;
  readonly result: unknown;
}

/** Answers in the order of the claims. Two claims of one effect are answered one after the other. */
export async function claimEffects(database: Pick<Database, 'query'>, claims: readonly EffectClaim[]): Promise<ClaimAnswer[]> {
  const answers = claims.map((): ClaimAnswer => ({ kind: 'fenced' }));
  let open = claims.map((claim, n) => ({ claim, n }));
  while (open.length > 0) {
    const first = new Map(open.toReversed().map((entry) => [entry.claim.id, entry]));
    const group = [...first.values()];
    const units = group.map(({ claim }) => claim.unit);
    const statement = fencedStatement('claim', units, [{ part: CLAIM, rows: group.map(claimRow) }], SELECT_ANSWERS);
    for (const row of await database.query<AnswerRow>(statement)) answers[first.get(row.id)!.n] = answerOf(row);
    open = open.filter((entry) => first.get(entry.claim.id) !== entry);
  }
  return answers;
}

function claimRow({ claim }: { claim: EffectClaim }): object {
  const { unit, id, messageId, name, token, onUnknown, stream, seq, priority, key } = claim;
  return { ...unitOf(unit), id, message_id: messageId, name, token, on_unknown: onUnknown, stream, seq, priority, key };
}

function answerOf({ state, repeats, result }: AnswerRow): ClaimAnswer {
  if (state === 'claimed') return { kind: 'granted', repeated: repeats > 0 };
  return state === 'done' ? { kind: 'done', result } : { kind: 'held' };
}

import type { AttemptRecord } from '../actor/record-port.ts';
import type { Database } from './database.ts';
import { type DeadLetterEntry, deathsOfWork } from './dead-letters.ts';

/** One thing that happened to a piece of work that died. */
export interface DeadLetterStage {
  /** RFC 3339. */
  readonly at: string;
  /** The dead letter that it belongs to. */
  readonly letter: string;
  readonly what: 'attempt failed' | 'died' | 'redelivered' | 'edited' | 'discarded' | 'step retried' | 'resolved';
  /** Who did it, where it was a person. */
  readonly who: string | null;
  readonly detail: string;
}

export interface DeadLetterStory {
  /** Every death of the same work, oldest first. */
  readonly deaths: readonly DeadLetterEntry[];
  /** What each attempt of each round said, and what people did between; oldest first. */
  readonly stages: readonly DeadLetterStage[];
}

const ACTS: Readonly<Record<string, DeadLetterStage['what']>> = {
  'dead-letter.redeliver': 'redelivered',
  'dead-letter.edit': 'edited',
  'dead-letter.discard': 'discarded',
  'dead-letter.retry-step': 'step retried',
};

export async function readDeadLetterStory(database: Database, letter: DeadLetterEntry): Promise<DeadLetterStory> {
  const deaths = await deathsOfWork(database, letter);
  const acts = await database.tables
    .selectFrom('audit_log')
    .select(['at', 'who', 'action', 'target', 'detail'])
    .where(
      'target',
      'in',
      deaths.map(({ id }) => id),
    )
    .orderBy('id')
    .execute();
  const stages = deaths.flatMap((death): DeadLetterStage[] => [
    ...death.history.map((record) => attemptStage(death.id, record)),
    { at: death.at, letter: death.id, what: 'died', who: null, detail: `${death.reason}: ${death.because}` },
    ...(death.status === 'resolved' ? [{ at: death.statusAt, letter: death.id, what: 'resolved', who: null, detail: '' } as const] : []),
  ]);
  for (const { at, who, action, target, detail } of acts) {
    const what = ACTS[action];
    if (what !== undefined) stages.push({ at: at.toISOString(), letter: target, what, who, detail: actDetail(what, detail) });
  }
  // The sort is stable: what happened at the same time stays in the order of its making.
  return { deaths, stages: stages.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)) };
}

function attemptStage(letter: string, { attempt, at, because }: AttemptRecord): DeadLetterStage {
  return { at, letter, what: 'attempt failed', who: null, detail: `attempt ${attempt}: ${because}` };
}

function actDetail(what: DeadLetterStage['what'], detail: unknown): string {
  const { because, stream, seq, version } = (detail ?? {}) as Readonly<Record<string, unknown>>;
  if (what === 'discarded') return String(because);
  if (what === 'step retried') return `with version ${String(version)}`;
  return what === 'edited' ? `the edited copy is ${String(stream)} ${String(seq)}` : `as ${String(stream)} ${String(seq)}`;
}

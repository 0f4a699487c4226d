import type { ReplaySummary } from '../../lib/store/replays.ts';
import { localTime } from './moment.ts';
import { table } from './output.ts';
import type { EffectCount } from './replay-effects.ts';
import type { SliceMessage } from './replay-scan.ts';

/** What there would be to do. */
export interface DryRun {
  readonly actor: string;
  readonly kind: ReplaySummary['kind'];
  readonly total: number;
  readonly first: readonly SliceMessage[];
  readonly effects: readonly EffectCount[];
  /** RFC 3339; missing where it has no rate. */
  readonly seconds?: number;
}

export function dryRunText({ actor, kind, total, first, effects, seconds }: DryRun): string {
  const how = kind === 'in-place' ? 'in place' : `beside what is live${seconds === undefined ? '' : `, in about ${durationText(seconds)}`}`;
  const lines = [`Nothing is done; ${actor} would handle ${total} once more, ${how}.`];
  if (first.length > 0) {
    const rows = first.map(({ seq, storedAt, type, key, id }) => [seq, localTime(new Date(storedAt)), type, key, id]);
    lines.push(table(['sequence', 'stored', 'type', 'key', 'id'], rows));
    if (total > first.length) lines.push(`and ${total - first.length} more`);
  }
  const rows = effects.map((each) => [each.actor, each.run, each.done]);
  lines.push(effects.length === 0 ? 'No effect would run.' : table(['effects of', 'would run', 'done, skipped'], rows));
  return lines.join('\n');
}

export function replaysText(replays: readonly ReplaySummary[]): string {
  const rows = replays.map(({ createdAt, id, actor, kind, status, ...rest }) => [
    localTime(new Date(createdAt)),
    id,
    actor,
    kind,
    status,
    progressText({ kind, ...rest }),
  ]);
  return table(['begun', 'replay', 'actor', 'kind', 'status', 'through'], rows);
}

export function replayText(replay: ReplaySummary): string {
  const { id, actor, kind, stream, status, statusAt, who, asked, repeat, divertTo, rate, handled, skipped, waiting, createdAt } = replay;
  const rows: [string, string][] = [
    ['replay', id],
    ['what', `${actor} on ${stream}, ${kind === 'in-place' ? 'in place' : 'a slice'}`],
    [
      'asked',
      Object.entries(asked)
        .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : String(value)}`)
        .join('; '),
    ],
    [
      'effects',
      repeat.length === 0
        ? 'those that are done are skipped'
        : `repeated: ${repeat.join(', ')}${divertTo.length === 0 ? '' : `, to ${divertTo.join(', ')}`}`,
    ],
    ['rate', rate === null ? 'none' : `${rate}/s`],
    ['begun', `${localTime(new Date(createdAt))} by ${who}`],
    ['status', `${status} since ${localTime(new Date(statusAt))}`],
    ['through', progressText(replay)],
    ['handled', String(handled)],
    ['left alone', skipped === 0 ? '0' : `${skipped}: their first handling had not ended`],
    ['waiting', String(waiting)],
  ];
  return table(['', ''], rows);
}

/** `1200 of 10000 (12 %)` */
export function progressText({
  handled,
  skipped,
  total,
}: Pick<ReplaySummary, 'handled' | 'skipped' | 'total'> & { kind?: string }): string {
  const through = handled + skipped;
  if (total === null) return String(through);
  return `${through} of ${total} (${total === 0 ? 100 : Math.min(100, Math.floor((through / total) * 100))} %)`;
}

/** `14 min`, `40 s`, `3 h` */
export function durationText(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6_000 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`;
}

import { EvaluationFailed } from './evaluation-failed.ts';

/** A longer delay is more likely a mistake in a unit than a plan. */
export const MAX_DELAY_DAYS = 400;

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };

const DURATION = /^(\d{1,9}[smhdw])+$/;
/** RFC 3339; without a zone nobody knows which moment it is. */
const MOMENT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$/;

/** `90s`, `15m`, `1h30m`, `2d`, `1w` in milliseconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit ?? '']!, 0);
}

/** When a delay that is reached now ends, RFC 3339. A moment that is past ends it at once. Throws `EvaluationFailed`. */
export function delayEnd(told: Readonly<Record<string, unknown>>, at: string, place: string): string {
  const now = Date.parse(at);
  const end = told['until'] === undefined ? now + durationOf(told['for'], place) : momentOf(told['until'], place);
  if (end - now > MAX_DELAY_DAYS * DAY_MS)
    throw new EvaluationFailed(place, `expected at most ${MAX_DELAY_DAYS} days, got ${Math.round((end - now) / DAY_MS)}`);
  return new Date(Math.max(end, now)).toISOString();
}

function durationOf(value: unknown, place: string): number {
  const ms = parseDuration(String(value));
  if (ms !== undefined) return ms;
  throw new EvaluationFailed(`${place}.for`, `expected a duration such as 90s, 15m, 1h30m, 2d or 1w, got ${JSON.stringify(value)}`);
}

function momentOf(value: unknown, place: string): number {
  const ms = MOMENT.test(String(value)) ? Date.parse(String(value)) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new EvaluationFailed(
    `${place}.until`,
    `expected a moment such as 2026-11-22T10:00:00Z or 2026-11-22T10:00:00+02:00, got ${JSON.stringify(value)}`,
  );
}

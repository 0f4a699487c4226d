import { CommandError, exitCodes } from './output.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment in the past as people write it: `90s`, `30m`, `2h`, `7d` (that long ago), RFC 3339, or `HH:MM` (the last time that the
 * local clock showed that).
 * @throws CommandError for anything else
 */
export function parseMoment(option: string, text: string, now = new Date()): Date {
  const duration = /^(\d{1,6})([smhd])$/.exec(text);
  if (duration !== null) return new Date(now.getTime() - Number(duration[1]) * UNITS_MS[duration[2]!]!);
  const clock = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (clock !== null) {
    const moment = new Date(now);
    moment.setHours(Number(clock[1]), Number(clock[2]), 0, 0);
    if (moment > now) moment.setDate(moment.getDate() - 1);
    return moment;
  }
  const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new CommandError(`${option}: expected a duration (30m, 2h, 7d), HH:MM or RFC 3339, got ${text}`, {
    exitCode: exitCodes.wrongUsage,
  });
}

/** RFC 3339 with the local offset, so that nobody has to guess the zone. */
export function localTime(moment: Date): string {
  const offsetMinutes = -moment.getTimezoneOffset();
  const local = new Date(moment.getTime() + offsetMinutes * 60_000).toISOString().slice(0, 19);
  const minutes = Math.abs(offsetMinutes);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** @throws CommandError where it is no whole number in these bounds */
export function parseCount(option: string, text: string, min: number, max: number): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= min && count <= max) return count;
  throw new CommandError(`${option}: expected a whole number from ${min} to ${max}, got ${text}`, { exitCode: exitCodes.wrongUsage });
}

/**
 * A length of time as people write it, in milliseconds: `90s`, `30m`, `24h`, `7d`.
 * @throws CommandError for anything else, and for what is longer than `most`
 */
export function parseDuration(option: string, text: string, most: string): number {
  const read = (given: string): number => {
    const [, number, unit = ''] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
    return Number(number) * (UNITS_MS[unit] ?? Number.NaN);
  };
  const ms = read(text);
  if (ms >= 0 && ms <= read(most)) return ms;
  throw new CommandError(`${option}: expected a duration up to ${most}, as 90s, 30m, 24h or 7d, got ${text}`, {
    exitCode: exitCodes.wrongUsage,
  });
}

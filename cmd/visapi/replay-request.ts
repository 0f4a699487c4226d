import { localTime, parseCount, parseMoment } from './moment.ts';
import { CommandError, exitCodes } from './output.ts';

export interface ReplayOptionTexts {
  readonly actor?: string;
  readonly stream?: 'events' | 'commands';
  readonly fromSeq?: string;
  readonly toSeq?: string;
  readonly since?: string;
  readonly until?: string;
  readonly key?: string;
  readonly type?: readonly string[];
  readonly repeatEffects?: readonly string[];
  readonly divertTo?: readonly string[];
  readonly rate?: string;
}

/** What a person has asked for, read and not yet compared with what there is. */
export interface ReplayRequest {
  readonly actor: string;
  readonly reads: 'events' | 'commands' | undefined;
  /** A sequence and nothing else: the lanes themselves are re-pointed to it. */
  readonly isInPlace: boolean;
  readonly fromSeq: number | undefined;
  readonly toSeq: number | undefined;
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  readonly key: string | undefined;
  readonly types: readonly string[];
  readonly repeat: readonly string[];
  readonly divertTo: readonly string[];
  readonly rate: number | null;
  /** The bounds, for people: in local time with its offset. */
  readonly asked: Readonly<Record<string, string | number | readonly string[]>>;
}

/** Of a slice, so that what is live does not notice; a few minutes for ten thousand. */
export const DEFAULT_RATE = 100;
const MAX_RATE = 100_000;

/** Which actors can send their effects elsewhere, and what such a target looks like. */
const TARGETS: Readonly<Record<string, { readonly fits: RegExp; readonly expected: string }>> = {
  slack: { fits: /^#/, expected: "a channel as '#alerts'" },
  email: { fits: /^[^#][^@]*@/, expected: 'an address' },
};

/** @throws CommandError for what does not fit together */
export function readReplayRequest(texts: ReplayOptionTexts, now = new Date()): ReplayRequest {
  const { actor, stream, key, type: types = [], repeatEffects: repeat = [], divertTo = [] } = texts;
  if (actor === undefined) throw wrong('--actor: expected the name of an actor, such as workflow');
  const fromSeq = sequence('--from-seq', texts.fromSeq);
  const toSeq = sequence('--to-seq', texts.toSeq);
  const since = texts.since === undefined ? undefined : parseMoment('--since', texts.since, now);
  const until = texts.until === undefined ? undefined : parseMoment('--until', texts.until, now);
  if (since !== undefined && until !== undefined && since >= until)
    throw wrong(`--until: expected a time after ${localTime(since)}, got ${localTime(until)}`);
  if (fromSeq !== undefined && toSeq !== undefined && fromSeq > toSeq) throw wrong(`--to-seq: expected ${fromSeq} or more, got ${toSeq}`);
  const bounds = [toSeq, since, until, key, types[0]].filter((bound) => bound !== undefined);
  if (bounds.length === 0 && fromSeq === undefined)
    throw wrong(
      'expected what to replay: --from-seq for all from there, or a slice by --since, --until, --from-seq, --to-seq, --key, --type',
    );
  checkTargets(repeat, divertTo);
  const isInPlace = bounds.length === 0;
  return {
    actor,
    reads: stream,
    isInPlace,
    fromSeq,
    toSeq,
    since,
    until,
    key,
    types,
    repeat,
    divertTo,
    rate: rateOf(texts.rate, isInPlace),
    asked: {
      ...(fromSeq === undefined ? {} : { fromSeq }),
      ...(toSeq === undefined ? {} : { toSeq }),
      ...(since === undefined ? {} : { since: localTime(since) }),
      ...(until === undefined ? {} : { until: localTime(until) }),
      ...(key === undefined ? {} : { key }),
      ...(types.length === 0 ? {} : { types }),
    },
  };
}

function checkTargets(repeat: readonly string[], divertTo: readonly string[]): void {
  if (divertTo.length === 0) return;
  if (repeat.length === 0) throw wrong('--divert-to: expected --repeat-effects with it, which says whose effects go there');
  for (const actor of repeat) {
    const target = TARGETS[actor];
    if (target === undefined)
      throw wrong(`--divert-to: the effects of ${actor} cannot go elsewhere; those of ${Object.keys(TARGETS).join(' and ')} can`);
    if (!divertTo.some((text) => target.fits.test(text)))
      throw wrong(`--divert-to: expected ${target.expected} for the effects of ${actor}, got ${divertTo.join(', ')}`);
  }
}

function rateOf(text: string | undefined, isInPlace: boolean): number | null {
  if (text === 'none' || (text === undefined && isInPlace)) return null;
  return text === undefined ? DEFAULT_RATE : parseCount('--rate', text, 1, MAX_RATE);
}

function sequence(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseCount(option, text, 1, Number.MAX_SAFE_INTEGER);
}

function wrong(message: string): CommandError {
  return new CommandError(message, { exitCode: exitCodes.wrongUsage });
}

import type { SinkMessage } from '../lib/sink/arrivals.ts';
import type { Try } from './load.ts';
import type { SentEvent } from './sent-event.ts';
import { toldIn } from './workload.ts';

/** A fault, while it lasted. Milliseconds since the load began. */
export interface Band {
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** One second of an experiment. */
export interface Second {
  readonly acknowledged: number;
  /** Requests that were not answered with 2xx. */
  readonly bad: number;
  /** Messages at the peer. */
  readonly arrived: number;
  /** From when an event was due to its 2xx; milliseconds, null where none came. */
  readonly answerMs: Slow | null;
  /** From when it was due to its message at the peer. */
  readonly arrivalMs: Slow | null;
}

export interface Slow {
  readonly median: number;
  readonly longest: number;
}

export interface Timeline {
  readonly seconds: readonly Second[];
  readonly bands: readonly Band[];
}

/** Puts what happened into seconds. `loadBegan` is the load's begin on the clock of the messages, milliseconds since the epoch. */
export function drawTimeline(run: {
  readonly sent: readonly SentEvent[];
  readonly tries: readonly Try[];
  readonly messages: readonly Pick<SinkMessage, 'at' | 'text'>[];
  readonly bands: readonly Band[];
  readonly loadBegan: number;
}): Timeline {
  const invoked = new Map(run.sent.map(({ delivery, invokedAt }) => [delivery, invokedAt]));
  const answers = bySecond(run.tries.filter(({ end }) => end === 'ok').map(({ endedAt, latencyMs }) => ({ at: endedAt, ms: latencyMs })));
  const bad = bySecond(run.tries.filter(({ end }) => end !== 'ok').map(({ endedAt }) => ({ at: endedAt, ms: 0 })));
  const arrivals = bySecond(
    run.messages.map(({ at, text }) => {
      const after = Date.parse(at) - run.loadBegan;
      return { at: after, ms: after - (invoked.get(toldIn(text)) ?? after) };
    }),
  );
  const length = Math.max(answers.length, bad.length, arrivals.length);
  const seconds = Array.from({ length }, (_, second): Second => ({
    acknowledged: answers[second]?.length ?? 0,
    bad: bad[second]?.length ?? 0,
    arrived: arrivals[second]?.length ?? 0,
    answerMs: slowOf(answers[second]),
    arrivalMs: slowOf(arrivals[second]),
  }));
  const round = ({ label, fromMs, toMs }: Band): Band => ({ label, fromMs: Math.round(fromMs), toMs: Math.round(toMs) });
  return { seconds, bands: run.bands.map(round) };
}

/** Milliseconds by the second in which they ended. */
function bySecond(samples: readonly { readonly at: number; readonly ms: number }[]): number[][] {
  const seconds: number[][] = [];
  for (const { at, ms } of samples) (seconds[Math.max(0, Math.floor(at / 1_000))] ??= []).push(Math.max(0, ms));
  return seconds;
}

function slowOf(samples: readonly number[] | undefined): Slow | null {
  if (samples === undefined || samples.length === 0) return null;
  const sorted = samples.toSorted((a, b) => a - b);
  return { median: Math.round(sorted[Math.floor(sorted.length / 2)]!), longest: Math.round(sorted.at(-1)!) };
}

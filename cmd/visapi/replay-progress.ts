import { setTimeout as wait } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Database } from '../../lib/store/database.ts';
import { readReplay, type ReplaySummary } from '../../lib/store/replays.ts';
import type { Output } from './output.ts';
import { durationText, progressText } from './replay-view.ts';
import { terminal } from './terminal.ts';

/** How often the replay is looked at. */
const LOOK_MS = 250;
/** How often a line tells where it is, without a terminal that shows a bar. */
const TELL_MS = 2_000;
/** The estimate goes by the speed of this time. */
const WINDOW_MS = 10_000;

/** Where a replay is and how long it will take, at one moment. */
export interface Progress {
  readonly replay: string;
  readonly status: ReplaySummary['status'];
  readonly through: number;
  readonly total: number | null;
  readonly waiting: number;
  /** Messages per second of late. */
  readonly perSecond: number;
  /** Null: nobody knows. */
  readonly secondsLeft: number | null;
}

/** Shows a replay until it is over or paused; resolves with how it stands then. It goes on whether somebody looks or not. */
export async function followReplay(database: Database, output: Output, id: string): Promise<ReplaySummary> {
  const bar = output.isJson || terminal().stdout.isTTY !== true ? undefined : createBar();
  const seen: { at: number; through: number }[] = [];
  let toldAt = performance.now();
  try {
    for (;;) {
      const replay = await readReplay(database, id);
      if (replay === undefined) throw new Error(`replay ${id} is not there any more`);
      const progress = measure(replay, seen);
      if (bar !== undefined) drawBar(bar, progress);
      if (replay.status !== 'running') return replay;
      if (bar === undefined && performance.now() - toldAt >= TELL_MS) {
        toldAt = performance.now();
        if (output.isJson) output.line(progress, () => '');
        else output.note(`${progressText(replay)}, ${Math.round(progress.perSecond)}/s${leftText(progress)}`);
      }
      await wait(LOOK_MS);
    }
  } finally {
    bar?.stop();
  }
}

/** Adds what is seen now to `seen` and says how fast it goes. */
export function measure(replay: ReplaySummary, seen: { at: number; through: number }[], now = performance.now()): Progress {
  const through = replay.handled + replay.skipped;
  seen.push({ at: now, through });
  while (seen.length > 2 && now - seen[0]!.at > WINDOW_MS) seen.shift();
  const [first] = seen;
  const seconds = (now - first!.at) / 1_000;
  const perSecond = seconds > 0 ? (through - first!.through) / seconds : 0;
  const left = replay.total === null ? null : Math.max(0, replay.total - through);
  const { id, status, total, waiting } = replay;
  return {
    replay: id,
    status,
    through,
    total,
    waiting,
    perSecond,
    secondsLeft: left === null || perSecond === 0 ? null : left / perSecond,
  };
}

function createBar(): SingleBar {
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {value} of {total} | {speed}/s{left}',
    hideCursor: true,
    clearOnComplete: false,
    stream: process.stderr,
  });
  bar.start(0, 0, { speed: 0, left: '' });
  return bar;
}

function drawBar(bar: SingleBar, progress: Progress): void {
  bar.setTotal(Math.max(progress.total ?? progress.through, progress.through, 1));
  bar.update(progress.through, { speed: Math.round(progress.perSecond), left: leftText(progress) });
}

function leftText({ secondsLeft }: Progress): string {
  return secondsLeft === null ? '' : `, ${durationText(secondsLeft)} left`;
}

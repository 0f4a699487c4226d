import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { NODE_FLAGS } from '../../lib/dev/node-flags.ts';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { readBenchOptions } from '../bench-options.ts';
import { below, boundTable, endFacts, factLines, figureTable, gatherFacts } from '../bench-report.ts';
import { epochMs } from '../dispatch/dispatch-reader.ts';
import { fillLog, publishCommand } from '../dispatch/fill-log.ts';
import { percentile } from '../load/samples.ts';
import { type LogBed, openLogBed } from '../log-bed.ts';
import { readCpuSeconds } from '../machine.ts';
import { type MemoryCourse, watchMemory } from '../runs/memory-watch.ts';
import type { DrainReport } from './drain-program.ts';

/** As in docs/benchmarks.md. */
const USAGE = `Usage: npm run bench -- drain [options]

  --backlog <count>   messages of the priority bulk that wait (default: 100000)
  --rate <count>      messages a second of the priority default that arrive meanwhile (default: 300)
  --json              the whole report as JSON

About two minutes. docs/benchmarks.md says what is measured.
`;

/** Promised for a process. */
const MAX_MEGABYTES = 200;
/** Promised for a critical one behind a million; these are less urgent and behind fewer. */
const MAX_P99_MS = 1_000;
/** The last fifth beside the second: the first is warm-up. */
const MAX_GROWTH = 1.2;
const ADDRESSEE = 'bench-drain';
/** A drain that takes longer has failed. */
const WITHIN_MS = 600_000;
const TICK_MS = 20;

interface Drain {
  readonly seconds: number;
  readonly live: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly cpuMicros: number;
  readonly memory: MemoryCourse;
}

/** `npm run bench -- drain`: a backlog is worked off while others arrive that it must not keep waiting. Resolves with the exit code. */
export async function runDrainBench(args: readonly string[]): Promise<number> {
  const options = readBenchOptions(args, USAGE, { backlog: 100_000, rate: 300 });
  if (typeof options === 'number') return options;
  const { backlog, rate } = options.numbers;
  const bed = await openLogBed((line) => void process.stderr.write(`${line}\n`));
  try {
    const facts = gatherFacts(bed);
    const drain = await measureDrain(bed, backlog, rate);
    const { seconds, live, p50Ms, p99Ms, maxMs, cpuMicros, memory } = drain;
    const fifths = memory.fifths.map((bytes) => bytes / 1024 ** 2);
    const bounds = [
      below('p99 of those that arrive, accept to done, ms', MAX_P99_MS, p99Ms),
      below('memory of the process, MB', MAX_MEGABYTES, Math.max(...fifths)),
      below('memory in the last fifth beside the second', MAX_GROWTH, memory.growth),
    ];
    const report = { ...endFacts(facts), backlog, rate, ...drain, bounds };
    const text = [
      ...factLines(report),
      `backlog: ${backlog} messages of priority bulk; meanwhile ${rate} a second of priority default, ${live} in all; one process`,
      '',
      figureTable(
        ['drained/s', 'seconds', 'live p50 ms', 'p99', 'max', 'CPU us'],
        [[backlog / seconds, seconds, p50Ms, p99Ms, maxMs, cpuMicros]],
      ),
      '',
      figureTable(['MB, in the first fifth of the backlog', 'second', 'third', 'fourth', 'last'], [fifths]),
      '',
      boundTable(bounds),
      '',
    ].join('\n');
    process.stdout.write(options.isJson ? `${JSON.stringify(report, null, 2)}\n` : text);
    return bounds.every(({ isMet }) => isMet) ? 0 : 1;
  } finally {
    await bed.stop();
  }
}

async function measureDrain({ broker, postgres, folder, connection }: LogBed, backlog: number, rate: number): Promise<Drain> {
  await fillLog(connection, ADDRESSEE, backlog, 'bulk');
  const file = join(projectRoot, 'perf/drain/drain-program.ts');
  const program = fork(file, [broker.url, postgres.url, join(folder, 'drain.log'), ADDRESSEE], {
    execArgv: [...NODE_FLAGS],
    env: { PATH: '' },
  });
  try {
    await reportOf(program, ({ report }) => (report === 'opened' ? true : undefined));
    const publisher = createPublisher(connection);
    const liveMs: number[] = [];
    let sent = 0;
    let drained = 0;
    const memory = watchMemory({ drain: program.pid ?? 0 }, () => drained / backlog);
    const cpuBefore = readCpuSeconds(program.pid ?? 0);
    const begunAt = epochMs();
    let isDraining = true;
    const sending = setInterval(() => {
      if (!isDraining) return;
      // From when it is due, not from when this process came to it.
      for (; sent < ((epochMs() - begunAt) / 1_000) * rate; sent += 1) {
        const sentAt = begunAt + (sent / rate) * 1_000;
        publishCommand(publisher, { addressee: ADDRESSEE, priority: 'default', number: sent }, { sentAt }).catch((error: unknown) =>
          program.emit('error', error),
        );
      }
    }, TICK_MS);
    program.send('go');
    const seconds = await reportOf(program, (report) => {
      if (report.report !== 'progress') return undefined;
      liveMs.push(...report.liveMs);
      drained = report.backlog;
      if (drained > backlog) throw new Error(`expected ${backlog} messages settled once, got ${drained}`);
      return drained === backlog ? (epochMs() - begunAt) / 1_000 : undefined;
    });
    isDraining = false;
    clearInterval(sending);
    const cpuSeconds = readCpuSeconds(program.pid ?? 0) - cpuBefore;
    const course = memory.stop()[0]!;
    if (liveMs.length < sent)
      await reportOf(program, (report) => {
        if (report.report === 'progress') liveMs.push(...report.liveMs);
        return liveMs.length >= sent ? true : undefined;
      });
    await publisher.stop(1_000);
    const sorted = Float64Array.from(liveMs).toSorted();
    return {
      seconds,
      live: sent,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      maxMs: percentile(sorted, 1),
      cpuMicros: (cpuSeconds * 1e6) / (backlog + sent),
      memory: course,
    };
  } finally {
    const ended = new Promise((resolve) => program.once('exit', resolve));
    if (program.exitCode === null) program.disconnect();
    await ended;
  }
}

/** The first thing that `found` makes of a report. Rejects where the process ends or takes too long. */
async function reportOf<Found>(program: ChildProcess, found: (report: DrainReport) => Found | undefined): Promise<Found> {
  return await new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(still);
      program.off('message', onMessage).off('exit', onExit).off('error', onError);
    };
    const onError = (error: unknown): void => {
      end();
      reject(error as Error);
    };
    const onExit = (): void => onError(new Error('the process that drains has ended'));
    const still = setTimeout(() => onError(new Error(`not drained within ${WITHIN_MS} ms`)), WITHIN_MS);
    const onMessage = (report: DrainReport): void => {
      try {
        const value = found(report);
        if (value === undefined) return;
        end();
        resolve(value);
      } catch (error) {
        onError(error);
      }
    };
    program.on('message', onMessage).on('exit', onExit).on('error', onError);
  });
}

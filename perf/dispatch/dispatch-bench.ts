import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../../lib/dev/local-home.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { commandSubject } from '../../streams/subjects.ts';
import { readBenchOptions } from '../bench-options.ts';
import { atLeast, boundTable, endFacts, factLines, figureTable, gatherFacts } from '../bench-report.ts';
import { median } from '../load/samples.ts';
import { type LogBed, openLogBed } from '../log-bed.ts';
import { ADDRESSEE } from './bench-lanes.ts';
import type { DispatchJob, DispatchResult } from './dispatch-program.ts';

/** As in docs/benchmarks.md. */
const USAGE = `Usage: npm run bench -- dispatch [options]

  --rounds <count>     how often both are measured (default: 5)
  --messages <count>   of each round (default: 40000)
  --profile <folder>   where the CPU profiles of both go (default: none is taken)
  --json               the whole report as JSON

About two minutes. docs/benchmarks.md says what is measured.
`;

const KEYS = 1_000;
/** Of JSON: what a step's command usually has. */
const BODY_BYTES = 300;
/** Published at once; the publisher makes batches of them. */
const CHUNK = 5_000;

interface Round {
  readonly keyed: DispatchResult;
  readonly bare: DispatchResult;
}

/** `npm run bench -- dispatch`: how much of a bare consumer's pace is left where every outcome is recorded. Resolves with the exit code. */
export async function runDispatchBench(args: readonly string[]): Promise<number> {
  const options = readBenchOptions(args, USAGE, { rounds: 5, messages: 40_000 });
  if (typeof options === 'number') return options;
  const { rounds: count, messages } = options.numbers;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const bed = await openLogBed(say);
  try {
    const facts = gatherFacts(bed);
    await fillLog(bed, messages);
    say(`${messages} messages of ${KEYS} keys are in the log`);
    const rounds = await runRounds(bed, { count, messages, profile: options.profile, say });
    const ratio = median(rounds.map(ratioOf));
    const bounds = [atLeast('keyed dispatch with its outcomes beside bare consume and acknowledge, median', 0.4, ratio)];
    const report = { ...endFacts(facts), messages, keys: KEYS, bodyBytes: BODY_BYTES, rounds, bounds };
    const rows = rounds.map((round, at) => [`${at + 1}`, ...figuresOf(round, messages)]);
    const text = [
      ...factLines(report),
      `messages: ${messages} of ${KEYS} keys and ${BODY_BYTES} bytes over 4 partitions, read from the log by one process; each round anew`,
      '',
      figureTable(['round', 'keyed/s', 'bare/s', 'ratio', 'CPU us: keyed', 'bare', 'MB: keyed', 'bare'], rows),
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

function ratioOf({ keyed, bare }: Round): number {
  return bare.seconds / keyed.seconds;
}

function figuresOf(round: Round, messages: number): number[] {
  const both = [round.keyed, round.bare];
  return [
    ...both.map(({ seconds }) => messages / seconds),
    ratioOf(round),
    ...both.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / messages),
    ...both.map(({ rssBytes }) => rssBytes / 1024 ** 2),
  ];
}

async function fillLog({ connection }: LogBed, messages: number): Promise<void> {
  const publisher = createPublisher(connection);
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(BODY_BYTES - '{"text":""}'.length) }));
  for (let from = 0; from < messages; from += CHUNK) {
    const chunk = Array.from({ length: Math.min(CHUNK, messages - from) }, (_, at) => {
      const key = `key-${(from + at) % KEYS}`;
      const subject = commandSubject({ priority: 'default', slot: slotOf(key), actor: ADDRESSEE });
      return publisher.publish({ id: `m${from + at}`, key, subject, headers: { 'Vis-Schema': '1' }, body }, AbortSignal.timeout(120_000));
    });
    await Promise.all(chunk);
  }
  await publisher.stop(1_000);
}

interface RoundOptions {
  readonly count: number;
  readonly messages: number;
  readonly profile: string | undefined;
  readonly say: (line: string) => void;
}

/** Both take turns, every other round backwards, so that what the machine does beside is shared alike. The first round is thrown away: it is warm-up. */
async function runRounds(bed: LogBed, { count, messages, profile, say }: RoundOptions): Promise<Round[]> {
  const programs = { keyed: await startProgram('keyed', bed, profile), bare: await startProgram('bare', bed, profile) };
  const rounds: Round[] = [];
  try {
    for (let number = 0; number <= count; number += 1) {
      const results: Partial<Record<keyof Round, DispatchResult>> = {};
      const order = ['keyed', 'bare'] as const;
      for (const kind of number % 2 === 0 ? order : order.toReversed())
        results[kind] = await runJob(programs[kind], { reader: `reader-${number}-${kind === 'bare' ? 'b' : 'a'}`, count: messages });
      const round = results as Round;
      const [keyed = NaN, bare = NaN, ratio = NaN] = figuresOf(round, messages);
      say(
        `${number === 0 ? 'warm-up' : `round ${number} of ${count}`}: keyed ${keyed.toFixed(0)}/s, bare ${bare.toFixed(0)}/s, ${ratio.toFixed(2)}`,
      );
      if (number > 0) rounds.push(round);
    }
  } finally {
    for (const program of Object.values(programs)) await endProgram(program);
  }
  return rounds;
}

async function startProgram(kind: string, { broker, postgres, folder }: LogBed, profile: string | undefined): Promise<ChildProcess> {
  const program = fork(
    join(projectRoot, 'perf/dispatch/dispatch-program.ts'),
    [kind, broker.url, postgres.url, join(folder, `${kind}.log`)],
    {
      execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${kind}.cpuprofile`],
      env: { PATH: '' },
    },
  );
  await once(program, 'message');
  return program;
}

async function runJob(program: ChildProcess, job: DispatchJob): Promise<DispatchResult> {
  const ended = once(program, 'exit').then(() => Promise.reject(new Error('the program that was measured has ended')));
  const answered = once(program, 'message') as Promise<[DispatchResult]>;
  program.send(job);
  const [result] = await Promise.race([answered, ended]);
  return result;
}

async function endProgram(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null) return;
  const ended = once(program, 'exit');
  program.disconnect();
  await ended;
}

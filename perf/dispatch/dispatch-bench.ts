import { requestApi } from '../../lib/jetstream/api-request.ts';
import { STREAMS } from '../../streams/subjects.ts';
import { readBenchOptions } from '../bench-options.ts';
import { atLeast, below, boundTable, endFacts, factLines, figureTable, gatherFacts } from '../bench-report.ts';
import { median } from '../load/samples.ts';
import { type LogBed, openLogBed } from '../log-bed.ts';
import { PARTITIONS } from './bench-lanes.ts';
import { type DispatchResult, type DispatchSide, startDispatchSide } from './dispatch-side.ts';
import { BODY_BYTES, fillLog, KEYS } from './fill-log.ts';

/** As in docs/benchmarks.md. */
const USAGE = `Usage: npm run bench -- dispatch [options]

  --rounds <count>     how often both are measured (default: 5)
  --messages <count>   of each round (default: 40000)
  --profile <folder>   where the CPU profiles of both go (default: none is taken)
  --json               the whole report as JSON

About six minutes. docs/benchmarks.md says what is measured.
`;

/** Measured one after the other; each divides the partitions. */
const PROCESSES = [1, 2, 4];
/** Promised for a process. */
const MAX_MEGABYTES = 200;

interface Round {
  readonly processes: number;
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
    const rounds: Round[] = [];
    for (const each of PROCESSES)
      rounds.push(...(await runRounds(bed, { processes: each, count, messages, profile: options.profile, say })));
    const bounds = [
      ...PROCESSES.map((each) =>
        atLeast(
          `keyed dispatch with its outcomes beside bare consume and acknowledge, median, processes of each: ${each}`,
          0.4,
          median(rounds.filter((round) => round.processes === each).map(ratioOf)),
        ),
      ),
      below('memory of a process of keyed dispatch, MB', MAX_MEGABYTES, Math.max(...rounds.map(({ keyed }) => megabytes(keyed)))),
    ];
    const report = { ...endFacts(facts), messages, keys: KEYS, bodyBytes: BODY_BYTES, rounds, bounds };
    const rows = rounds.map((round) => [`${round.processes}`, ...figuresOf(round, messages)]);
    const text = [
      ...factLines(report),
      `messages: ${messages} of ${KEYS} keys and ${BODY_BYTES} bytes over ${PARTITIONS} partitions, which the processes share; each round anew`,
      '',
      figureTable(
        [
          'processes',
          'keyed/s',
          'bare/s',
          'ratio',
          'CPU us: keyed',
          'broker',
          'database',
          'bare',
          'broker',
          'database',
          'MB: keyed',
          'bare',
        ],
        rows,
      ),
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

function megabytes({ rssBytes }: DispatchResult): number {
  return rssBytes / 1024 ** 2;
}

function figuresOf(round: Round, messages: number): number[] {
  const both = [round.keyed, round.bare];
  return [
    ...both.map(({ seconds }) => messages / seconds),
    ratioOf(round),
    ...both.flatMap(({ cpuSeconds, serverCpuSeconds: { broker, database } }) =>
      [cpuSeconds, broker, database].map((seconds) => (seconds * 1e6) / messages),
    ),
    ...both.map(megabytes),
  ];
}

interface RoundOptions {
  readonly processes: number;
  readonly count: number;
  readonly messages: number;
  readonly profile: string | undefined;
  readonly say: (line: string) => void;
}

/**
 * Both take turns over the same messages, every other round backwards, so that what the machine does beside is shared alike. The first
 * round is thrown away: it is warm-up. Messages come into the log when every process has its partitions, and wait there.
 */
async function runRounds(bed: LogBed, { processes, count, messages, profile, say }: RoundOptions): Promise<Round[]> {
  const sides: Record<'keyed' | 'bare', DispatchSide> = {
    keyed: await startDispatchSide('keyed', processes, bed, profile),
    bare: await startDispatchSide('bare', processes, bed, profile),
  };
  const rounds: Round[] = [];
  try {
    for (let number = 0; number <= count; number += 1) {
      const addressee = `bench-${processes}-${number}`;
      await Promise.all(Object.entries(sides).map(([kind, side]) => side.open({ reader: `${addressee}-${kind}`, addressee })));
      await fillLog(bed.connection, addressee, messages, 'default');
      const results: Partial<Record<'keyed' | 'bare', DispatchResult>> = {};
      const order = ['keyed', 'bare'] as const;
      for (const kind of number % 2 === 0 ? order : order.toReversed()) results[kind] = await sides[kind].run(messages);
      await requestApi(bed.connection, `$JS.API.STREAM.PURGE.${STREAMS.commands}`);
      const round = { processes, ...(results as Omit<Round, 'processes'>) };
      const [keyed = NaN, bare = NaN, ratio = NaN] = figuresOf(round, messages);
      const what = `${processes} of each, ${number === 0 ? 'warm-up' : `round ${number} of ${count}`}`;
      say(`${what}: keyed ${keyed.toFixed(0)}/s, bare ${bare.toFixed(0)}/s, ${ratio.toFixed(2)}`);
      if (number > 0) rounds.push(round);
    }
  } finally {
    for (const side of Object.values(sides)) await side.stop();
  }
  return rounds;
}

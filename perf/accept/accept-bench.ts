import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.ts';
import { openBenchBed } from './bench-bed.ts';
import { checkBounds } from './bounds.ts';
import { formatReport, type Report } from './report.ts';
import { LOADS, runRounds } from './rounds.ts';
import { TARGETS } from './target.ts';

/** As in docs/benchmarks.md. */
const USAGE = `Usage: npm run bench -- accept [options]

  --rounds <count>     how often everything is measured (default: 5)
  --seconds <count>    of each measurement (default: 3)
  --loads <list>       some of ${LOADS.join(',')} (default: all)
  --only <list>        some of ${TARGETS.join(',')} (default: all)
  --doors <count>      processes of the door behind one socket, each with a journal of its own (default: 1)
  --profile <folder>   where the door's CPU profile goes (default: none is taken)
  --json               the whole report as JSON

Examples:
  $ npm run bench -- accept
  $ npm run bench -- accept --rounds 1 --loads closed-64

About ten minutes. docs/benchmarks.md says what is measured.
`;

/**
 * `npm run bench -- accept [--json] [--rounds 5] [--seconds 3] [--only visapi,publish] [--loads closed-64] [--profile <folder>]`: how fast the
 * door accepts, beside what one would build without it. Resolves with the exit code: 0 when every bound is met.
 */
export async function runAcceptBench(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: AcceptBenchOptions;
  try {
    options = readOptions(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    return 2;
  }
  const { values, rounds, seconds, targets, loads, doors } = options;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const bed = await openBenchBed({ targets, doors, profileFolder: values.profile, say });
  try {
    const machine = describeMachine(bed.folder);
    const measurements = await runRounds(bed, { rounds, seconds, loads, say });
    const report: Report = {
      machine,
      loadAfter: loadavg()[0] ?? NaN,
      broker: bed.brokerVersion,
      fsync: {
        door: `${doors} process${doors === 1 ? '' : 'es'}, ACCEPT_AFTER=journal, one transaction of LMDB for all that came while the last one was written, fdatasync before their answers`,
        broker: bed.brokerSyncsAlways ? 'sync_interval always: every stored message before its confirmation' : 'lazy: UNSAFE',
      },
      bodyBytes: bed.bodyBytes,
      rounds,
      measurements,
      bounds: checkBounds(measurements),
    };
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
    return report.bounds.every(({ isMet }) => isMet) ? 0 : 1;
  } finally {
    await bed.stop();
  }
}

type AcceptBenchOptions = ReturnType<typeof readOptions>;

/** Throws a TypeError that says what was expected. */
function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: TARGETS.join(',') },
      loads: { type: 'string', default: LOADS.join(',') },
      doors: { type: 'string', default: '1' },
      profile: { type: 'string' },
    },
  });
  const rounds = positive('--rounds', values.rounds);
  const seconds = positive('--seconds', values.seconds);
  const targets = readNames('--only', values.only, TARGETS);
  const loads = readNames('--loads', values.loads, LOADS);
  return { values, rounds, seconds, targets, loads, doors: Math.ceil(positive('--doors', values.doors)) };
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new TypeError(`${name}: expected a number above 0, got ${JSON.stringify(text)}`);
  return number;
}

function readNames<Name extends string>(option: string, text: string, names: readonly Name[]): readonly Name[] {
  return text.split(',').map((each) => {
    const name = names.find((known) => known === each);
    if (name === undefined) throw new TypeError(`${option}: expected some of ${names.join(',')}, got ${JSON.stringify(each)}`);
    return name;
  });
}

import { parseArgs } from 'node:util';
import { EXPERIMENTS, experimentsOf, SETS, TARGET_EXPERIMENTS } from './catalogue.ts';
import { INTENSITIES, type Intensity } from './experiment.ts';
import type { Topology } from './topology.ts';

/** What `npm run chaos -- ...` was asked for. */
export type Command =
  | { readonly verb: 'help' | 'list' | 'check' | 'stop' }
  | {
      readonly verb: 'run';
      /** An experiment or a set. */
      readonly what: string;
      readonly seed: number | undefined;
      readonly intensity: Intensity | undefined;
      /** Where the reports go. */
      readonly out: string | undefined;
      readonly topology: Topology;
      /** A file that names a system that others have started. */
      readonly target: string | undefined;
    };

const TARGET_NAMES = TARGET_EXPERIMENTS.map(({ name }) => name);

export const USAGE = `npm run chaos -- <experiment|smoke|standard> [--seed <n>] [--intensity low|medium|high] [--cluster] [--out <folder>]
npm run chaos -- <${TARGET_NAMES.join('|')}> --target <file> [--seed <n>] [--intensity low|medium|high] [--out <folder>]
npm run chaos -- list     which experiments there are, and what they show
npm run chaos -- check    which of them this machine can do, and why not the others
npm run chaos -- stop     ends what another shell has started, and undoes it

An experiment starts a system of its own, on ports that nobody has and in .visapi/chaos, does something to it
under load, and compares what was sent with what is left. Nothing else on the machine is touched. Ctrl-C ends it
and undoes everything; what a crash has left is undone by the next run.
With --cluster there are three brokers and two processes of each program.
With --target it is a system that others have started, named by a file as npm start writes it to .visapi/ready.json: only by
the API of its broker, and only what that system mends by itself. The events that are sent stay there, and its workflows tell them.
Reports: text here, JSON and one HTML page in .visapi/chaos/results, or where --out says.
Exit code: 0 when everything held, 1 when something did not, 2 for a mistake in the command.
`;

/** @throws TypeError what is wrong with the words, in one sentence */
export function readCommand(words: readonly string[]): Command {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { seed: text, intensity: text, out: text, cluster: { type: 'boolean' }, target: text, help: { type: 'boolean' } },
  });
  const [what, ...more] = positionals;
  if (values.help === true || what === undefined) return { verb: 'help' };
  if (more.length > 0) throw new TypeError(`expected one experiment or set, got ${positionals.join(' ')}`);
  if (what === 'list' || what === 'check' || what === 'stop') return { verb: what };
  const names = [...SETS, ...EXPERIMENTS.map(({ name }) => name)];
  if (!names.includes(what)) throw new TypeError(`expected one of ${names.join(', ')}, got ${what}`);
  if (values.target !== undefined) {
    if (values.cluster === true) throw new TypeError('--target has as many brokers as it has: leave --cluster out');
    if (!TARGET_NAMES.includes(what))
      throw new TypeError(`--target: ${what} harms what it has started itself; on a target only ${TARGET_NAMES.join(', ')}`);
  }
  const topology = values.cluster === true ? 'cluster' : 'single';
  if (values.target === undefined && experimentsOf(what, topology).length === 0)
    throw new TypeError(`${what} needs several brokers: expected --cluster`);
  return {
    verb: 'run',
    what,
    target: values.target,
    seed: readSeed(values.seed),
    intensity: readIntensity(values.intensity),
    out: values.out,
    topology,
  };
}

function readSeed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new TypeError(`--seed: expected a whole number of at most ten digits, got ${text}`);
  return Number(text);
}

function readIntensity(text: string | undefined): Intensity | undefined {
  const found = INTENSITIES.find((intensity) => intensity === text);
  if (text !== undefined && found === undefined) throw new TypeError(`--intensity: expected one of ${INTENSITIES.join(', ')}, got ${text}`);
  return found;
}

import { randomInt } from 'node:crypto';
import { EXPERIMENTS, experimentsOf } from './catalogue.ts';
import { chaosHome } from './chaos-home.ts';
import { type Command, readCommand, USAGE } from './command.ts';
import type { Intensity } from './experiment.ts';
import { whyMissing } from './machine.ts';
import { printLine, saveReport, tellResult, tellTotals } from './report.ts';
import { runSet } from './set-run.ts';
import { stopRunner } from './stop.ts';

async function main(words: readonly string[]): Promise<number> {
  let command: Command;
  try {
    command = readCommand(words);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`chaos: ${error.message}\n`);
    return 2;
  }
  switch (command.verb) {
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    case 'list':
      for (const { name, shows, fault } of EXPERIMENTS) printLine(`${name.padEnd(24)} ${shows}\n${' '.repeat(25)}${fault.says}`);
      return 0;
    case 'check':
      return check();
    case 'stop':
      return await stopRunner(chaosHome(), say);
    case 'run':
      return await run(command);
  }
}

function say(line: string): void {
  process.stderr.write(`chaos: ${line}\n`);
}

function check(): number {
  for (const { name, needs } of EXPERIMENTS) {
    const why = needs.map(whyMissing).filter((each) => each !== undefined);
    printLine(`${name.padEnd(24)} ${why.length === 0 ? 'yes' : `no: ${why.join('; ')}`}`);
  }
  return 0;
}

/** A set's own: what CI has minutes for, and what the standard's numbers want. */
const INTENSITY_OF: Readonly<Record<string, Intensity>> = { smoke: 'low', standard: 'high' };
const LARGEST_SEED = 2 ** 31;

async function run(command: Command & { verb: 'run' }): Promise<number> {
  const { what, out, topology } = command;
  const home = chaosHome();
  const seed = command.seed ?? randomInt(LARGEST_SEED);
  const intensity = command.intensity ?? INTENSITY_OF[what] ?? 'medium';
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (!stopping.signal.aborted) say('ending and undoing');
      stopping.abort(new Error('ended by a signal'));
    });
  const ended = await runSet({
    home,
    topology,
    experiments: experimentsOf(what, topology),
    seed,
    intensity,
    say,
    onResult: tellResult,
    signal: stopping.signal,
  });
  if (ended === undefined) return 1;
  tellTotals(ended);
  // Half a report would take the place of a whole one.
  if (ended.isInterrupted) return 1;
  for (const file of saveReport(ended, { folder: out ?? home.results, name: `${topology}-${what}` })) say(`wrote ${file}`);
  return ended.results.some(({ problems }) => problems.length > 0) || ended.failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));

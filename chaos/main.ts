import { randomInt } from 'node:crypto';
import { AppError } from '../lib/core/app-error.ts';
import { EXPERIMENTS, experimentsOf, TARGET_EXPERIMENTS } from './catalogue.ts';
import { chaosHome } from './chaos-home.ts';
import { openChaosSystem } from './chaos-system.ts';
import { type Command, readCommand, USAGE } from './command.ts';
import type { Intensity } from './experiment.ts';
import { whyMissing } from './machine.ts';
import { printLine, saveReport, tellResult, tellTotals } from './report.ts';
import { runSet, type SetResult } from './set-run.ts';
import { stopRunner } from './stop.ts';
import { readTarget, type Target } from './target-file.ts';
import { openTargetSystem, topologyOf } from './target-system.ts';

async function main(words: readonly string[]): Promise<number> {
  let command: Command;
  let target: Target | undefined;
  try {
    command = readCommand(words);
    if (command.verb === 'run' && command.target !== undefined) target = readTarget(command.target);
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
      return target === undefined ? await run(command) : await runOnTarget(command, target);
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

type RunCommand = Command & { verb: 'run' };

async function run(command: RunCommand): Promise<number> {
  const { what, topology } = command;
  const home = chaosHome();
  const ended = await runSet({
    ...common(command, INTENSITY_OF[what] ?? 'medium'),
    topology,
    experiments: experimentsOf(what, topology),
    openSystem: ({ stage }) => openChaosSystem(home, topology, stage, say),
  });
  return tell(ended, `${topology}-${what}`, command);
}

/** As little load as there is, where nobody asks for more: others use it, too. */
async function runOnTarget(command: RunCommand, target: Target): Promise<number> {
  const home = chaosHome();
  try {
    const topology = await topologyOf(target);
    const experiments = TARGET_EXPERIMENTS.filter(({ name }) => name === command.what);
    if (experiments.some(({ topologies }) => topologies?.includes(topology) === false)) {
      say(`${command.what} needs a log with several copies: this target's has one`);
      return 2;
    }
    say(`${command.target ?? ''}: ${target.ingestUrl} with ${target.natsUrl.replaceAll(/\/\/[^@,]*@/g, '//')}`);
    const ended = await runSet({
      ...common(command, 'low'),
      topology,
      experiments,
      openSystem: () => openTargetSystem(home, target),
    });
    return tell(ended, `target-${command.what}`, command);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    say(error.message);
    return 1;
  }
}

function common({ seed, intensity }: RunCommand, usual: Intensity) {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (!stopping.signal.aborted) say('ending and undoing');
      stopping.abort(new Error('ended by a signal'));
    });
  return {
    home: chaosHome(),
    seed: seed ?? randomInt(LARGEST_SEED),
    intensity: intensity ?? usual,
    say,
    onResult: tellResult,
    signal: stopping.signal,
  };
}

/** @returns the exit code */
function tell(ended: SetResult | undefined, name: string, { out }: RunCommand): number {
  if (ended === undefined) return 1;
  tellTotals(ended);
  // Half a report would take the place of a whole one.
  if (ended.isInterrupted) return 1;
  for (const file of saveReport(ended, { folder: out ?? chaosHome().results, name })) say(`wrote ${file}`);
  // What was asked for by its name and cannot be done here has shown nothing.
  if (ended.results.length === 0) return 1;
  return ended.results.some(({ problems }) => problems.length > 0) || ended.failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));

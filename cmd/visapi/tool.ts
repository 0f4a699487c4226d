import { Command, CommanderError } from 'commander';
import { exitCodes, printError } from './output.ts';
import { onTerminal, processTerminal, type Terminal, terminal } from './terminal.ts';

interface Room {
  readonly what: string;
  /** Adds the command to the program. */
  readonly register: (program: Command) => Promise<void>;
}

/** In the order of the help. A command is loaded when it is given: all of them together are a second of work. */
const ROOMS: Readonly<Record<string, Room>> = {
  dev: {
    what: 'run everything on this machine: broker, database, programs and a local Slack',
    register: async (program) => (await import('./commands/dev.ts')).registerDev(program),
  },
  send: {
    what: 'sign a webhook as its provider would, and post it',
    register: async (program) => (await import('./commands/send.ts')).registerSend(program),
  },
  sink: {
    what: "run a local peer that speaks Slack's HTTP API and shows what arrived",
    register: async (program) => (await import('./commands/sink.ts')).registerSink(program),
  },
  sources: {
    what: 'who may send webhooks: their presets and secrets',
    register: async (program) => (await import('./commands/sources.ts')).registerSources(program),
  },
  keys: {
    what: 'API keys: who may send events to /v1/events',
    register: async (program) => (await import('./commands/keys.ts')).registerKeys(program),
  },
  workflows: {
    what: 'check, save and look at workflows',
    register: async (program) => (await import('./commands/workflows.ts')).registerWorkflows(program),
  },
  actors: {
    what: 'what handles messages, and what it keeps of its keys: the actors that VisAPI brings along, and your own',
    register: async (program) => (await import('./commands/actors.ts')).registerActors(program),
  },
  streams: {
    what: "the log's streams: what they should be, and what they are",
    register: async (program) => (await import('./commands/streams.ts')).registerStreams(program),
  },
  log: {
    what: 'how full the log is, and how it gets room again',
    register: async (program) => (await import('./commands/log.ts')).registerLog(program),
  },
  trace: {
    what: "one event's whole fate with times, or the fates of a key's events",
    register: async (program) => (await import('./commands/trace.ts')).registerTrace(program),
  },
  audit: {
    what: 'account for every accepted event',
    register: async (program) => (await import('./commands/audit.ts')).registerAudit(program),
  },
  dead: {
    what: 'dead letters: what actors gave up, and what to do about it',
    register: async (program) => (await import('./commands/dead.ts')).registerDead(program),
  },
  runs: {
    what: 'runs of workflows, and what to do about those that stand failed',
    register: async (program) => (await import('./commands/runs.ts')).registerRuns(program),
  },
  rejected: {
    what: 'requests that could not be verified, and what to do about them',
    register: async (program) => (await import('./commands/rejected.ts')).registerRejected(program),
  },
  journal: {
    what: 'what the door holds until the log has it: look, export, import',
    register: async (program) => (await import('./commands/journal.ts')).registerJournal(program),
  },
  replay: {
    what: 'let an actor handle a part of the log once more',
    register: async (program) => (await import('./commands/replay.ts')).registerReplay(program),
  },
  held: {
    what: 'effects of which nobody knows whether they happened',
    register: async (program) => (await import('./commands/held.ts')).registerHeld(program),
  },
};

const EXAMPLES = `
Examples:
  $ visapi send github --example release.published
  $ visapi sources add shop --preset standard-webhooks --generate
  $ visapi trace octocat/hello-world
  $ visapi dead list --since 2h

visapi <command> --help has more. In a clone it is npx visapi.`;

/** Runs one command. @param words what was given behind `visapi` @returns the exit code */
export function runTool(words: readonly string[], own: Terminal = processTerminal): Promise<number> {
  return onTerminal(own, async () => {
    const program = await createProgram(givenCommand(words));
    try {
      await program.parseAsync(words, { from: 'user' });
      return own.exitCode;
    } catch (error) {
      // Commander has printed its own message already.
      if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
      return printError(error, words.includes('--json'));
    }
  });
}

async function createProgram(given: string): Promise<Command> {
  const program = new Command('visapi')
    .description('Webhooks into finished work, and none lost.')
    .showHelpAfterError('Add --help for examples.')
    .addHelpText('after', EXAMPLES)
    .configureOutput({ writeOut: (text) => terminal().stdout.write(text), writeErr: (text) => terminal().stderr.write(text) })
    .exitOverride();
  for (const [name, { what, register }] of Object.entries(ROOMS)) {
    if (name === given) await register(program);
    // The others are only named, for the help and for the guess at a misspelt name.
    else program.command(name);
    program.commands.at(-1)?.description(what);
  }
  for (const command of program.commands) if (command.name() === given) addJsonOption(command);
  return program;
}

/** The first word; after `help` the second. */
function givenCommand([first = '', second = '']: readonly string[]): string {
  const given = first === 'help' ? second : first;
  // Of one actor it reads better so.
  return given === 'actor' ? 'actors' : given;
}

/** Every command takes it, so none declares it. Sub-commands inherit `exitOverride` only when it is set before they are made. */
function addJsonOption(command: Command): void {
  if (command.commands.length === 0) command.option('--json', 'print one JSON document instead of text');
  for (const child of command.commands) addJsonOption(child);
}

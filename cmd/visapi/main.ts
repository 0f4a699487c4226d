/** The tool: everything that a person or a script asks of VisAPI from a shell. */
import { Command, CommanderError } from 'commander';
import { registerDead } from './commands/dead.ts';
import { registerDev } from './commands/dev.ts';
import { registerHeld } from './commands/held.ts';
import { registerRuns } from './commands/runs.ts';
import { registerSend } from './commands/send.ts';
import { registerSink } from './commands/sink.ts';
import { registerStreams } from './commands/streams.ts';
import { registerTrace } from './commands/trace.ts';
import { registerWorkflows } from './commands/workflows.ts';
import { exitCodes, printError } from './output.ts';

const program = new Command('visapi')
  .description('Webhooks into finished work, and none lost.')
  .showHelpAfterError('Add --help for examples.')
  .exitOverride();

registerDev(program);
registerSend(program);
registerSink(program);
registerWorkflows(program);
registerStreams(program);
registerTrace(program);
registerDead(program);
registerRuns(program);
registerHeld(program);
addJsonOption(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its own message already.
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
  } else {
    process.exitCode = printError(error, process.argv.includes('--json'));
  }
}

/** Every command takes it, so none declares it. Sub-commands inherit `exitOverride` only when it is set before they are made. */
function addJsonOption(command: Command): void {
  if (command.commands.length === 0) command.option('--json', 'print one JSON document instead of text');
  for (const child of command.commands) addJsonOption(child);
}

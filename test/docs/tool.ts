import { globSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { projectRoot } from '../../lib/dev/local-home.ts';

/** The tool's commands as its main registers them. Importing the main would run it. */
export async function toolCommands(): Promise<Command> {
  const program = new Command('visapi');
  for (const file of globSync('cmd/visapi/commands/*.ts', { cwd: projectRoot })) {
    if (file.endsWith('.test.ts')) continue;
    const room = (await import(join(projectRoot, file))) as Record<string, unknown>;
    for (const [name, register] of Object.entries(room))
      if (name.startsWith('register') && typeof register === 'function') (register as (program: Command) => void)(program);
  }
  return program;
}

/** Why the words after `visapi` are no command of the tool; undefined where they are. */
export function whyNoCommand(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  const rest = [...words];
  while (command.commands.length > 0) {
    const name = rest.shift();
    const next = command.commands.find((each) => [each.name(), ...each.aliases()].includes(name ?? ''));
    // A command that does something itself may have sub-commands, too.
    if (next === undefined && command.options.length > 0 && name?.startsWith('--') === true) {
      rest.unshift(name);
      break;
    }
    if (next === undefined) return name === undefined && command !== program ? undefined : `${command.name()} has no command ${name}`;
    command = next;
  }
  const known = new Set([...command.options.map(({ long }) => long), '--json', '--help']);
  const unknown = rest.filter((word) => /^--[a-z]/.test(word)).find((word) => !known.has(word.split('=')[0] ?? word));
  return unknown === undefined ? undefined : `${command.name()} has no option ${unknown}`;
}

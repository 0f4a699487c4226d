import { readFile } from 'node:fs/promises';

import type { Command } from 'commander';

import { compileText } from '../../../lib/workflow/compile.ts';
import type { WorkflowDefinition } from '../../../lib/workflow/definition.ts';
import type { Mistake } from '../../../lib/workflow/mistake.ts';
import { mistakeText } from '../../../lib/workflow/mistake.ts';
import { CommandError, exitCodes, outputOf } from '../output.ts';

/** `visapi workflows`: what happens when an event comes. */
export function registerWorkflows(program: Command): void {
  const workflows = program.command('workflows').description('check, save and look at workflows');
  workflows
    .command('validate')
    .argument('<file>', 'a YAML or JSON document; - reads standard input')
    .description('check a workflow and name every mistake with its path; saves nothing')
    .addHelpText('after', '\nExamples:\n  $ visapi workflows validate examples/github-release-to-slack.yaml\n  $ visapi workflows validate - --json < workflow.json')
    .action(async (file: string, _options: object, command: Command) => {
      const { name, steps } = await readWorkflow(file);
      outputOf(command).result({ name, steps: steps.length, mistakes: [] }, () => `${name} is a right workflow with ${steps.length} step(s).`);
    });
}

/** Reads and checks a document. Throws a `CommandError` that names every mistake. */
async function readWorkflow(file: string): Promise<WorkflowDefinition> {
  const checked = compileText(await readText(file), 1);
  if (checked.kind === 'right') return checked.value.definition;
  throw new CommandError(mistakesText(file, checked.mistakes));
}

async function readText(file: string): Promise<string> {
  try {
    // File descriptor 0 is standard input.
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CommandError(`expected a file that can be read, got ${file} (${code})`, { exitCode: exitCodes.notFound, cause: error });
  }
}

function mistakesText(file: string, mistakes: readonly Mistake[]): string {
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  return [`${file} has ${count}:`, ...mistakes.map((mistake) => `  ${mistakeText(mistake)}`)].join('\n');
}

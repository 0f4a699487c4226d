import { readFile } from 'node:fs/promises';

import type { Command } from 'commander';
import { stringify } from 'yaml';

import type { Database } from '../../../lib/store/database.ts';
import { applyWorkflow, findWorkflow, listWorkflows } from '../../../lib/store/workflows.ts';
import { compileText } from '../../../lib/workflow/compile.ts';
import type { WorkflowDefinition } from '../../../lib/workflow/definition.ts';
import type { Mistake } from '../../../lib/workflow/mistake.ts';
import { mistakeText, nearestWord } from '../../../lib/workflow/mistake.ts';
import type { StoredWorkflow } from '../../../lib/workflow/run-reader.ts';
import { CommandError, exitCodes, outputOf, table } from '../output.ts';
import { whoami, withDatabase } from '../session.ts';

/** `visapi workflows`: what happens when an event comes. */
export function registerWorkflows(program: Command): void {
  const workflows = program.command('workflows').addHelpText(
    'after',
    `
Examples:
  $ visapi workflows validate examples/github-release-to-slack.yaml
  $ visapi workflows apply examples/github-release-to-slack.yaml
  $ visapi workflows list`,
  );
  workflows
    .command('validate')
    .argument('<file>', 'a YAML or JSON document; - reads standard input')
    .description('check a workflow and name every mistake with its path; saves nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi workflows validate examples/github-release-to-slack.yaml\n  $ visapi workflows validate - --json < workflow.json',
    )
    .action(async (file: string, _options: object, command: Command) => {
      const { name, steps } = await readWorkflow(file);
      outputOf(command).result(
        { name, steps: steps.length, mistakes: [] },
        () => `${name} is a right workflow with ${steps.length} step(s).`,
      );
    });
  workflows
    .command('apply')
    .argument('<file>', 'a YAML or JSON document; - reads standard input')
    .description('check a workflow, save it as its next version and enable it; the same content makes no new version')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi workflows apply examples/github-release-to-slack.yaml\n  $ visapi workflows apply - < workflow.json',
    )
    .action(async (file: string, _options: object, command: Command) => {
      const document = await readWorkflow(file);
      const applied = await withDatabase((database) => applyWorkflow(database, { name: document.name, document, who: whoami() }));
      const { name, version, isNew } = applied;
      outputOf(command).result(applied, () =>
        isNew
          ? `${name} has version ${version} now, and it is enabled.`
          : `${name} is the same as its version ${version}, which is enabled.`,
      );
    });
  workflows
    .command('list')
    .description('all workflows with their versions')
    .addHelpText('after', '\nExamples:\n  $ visapi workflows list\n  $ visapi workflows list --json')
    .action(async (_options: object, command: Command) => {
      const found = await withDatabase(listWorkflows);
      const rows = found.map(({ name, newestVersion, enabledVersion, savedAt }) => [
        name,
        newestVersion,
        enabledVersion,
        savedAt.toISOString(),
      ]);
      outputOf(command).result(found, () =>
        rows.length === 0 ? 'There is no workflow yet.' : table(['workflow', 'newest', 'enabled', 'saved'], rows),
      );
    });
  workflows
    .command('show')
    .argument('<name>', "the workflow's name")
    .option('--version <number>', 'which version (default: the newest)')
    .description('one version of one workflow, as a document that can be applied again')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi workflows show github-release-to-slack\n  $ visapi workflows show github-release-to-slack --version 1 --json',
    )
    .action(async (name: string, options: { version?: string }, command: Command) => {
      const stored = await withDatabase((database) => findVersion(database, name, options.version));
      outputOf(command).result(stored, () => `# version ${stored.version}\n${stringify(stored.document)}`.trimEnd());
    });
}

async function findVersion(database: Database, name: string, text: string | undefined): Promise<StoredWorkflow> {
  if (text !== undefined && !/^[1-9]\d{0,8}$/.test(text))
    throw new CommandError(`--version: expected a whole number from 1, got ${text}`, { exitCode: exitCodes.wrongUsage });
  const workflows = await listWorkflows(database);
  const summary = workflows.find((each) => each.name === name);
  const stored =
    summary === undefined ? undefined : await findWorkflow(database, name, text === undefined ? summary.newestVersion : Number(text));
  if (stored !== undefined) return stored;
  if (summary !== undefined)
    throw new CommandError(`${name} has versions 1 to ${summary.newestVersion}, not ${text}`, { exitCode: exitCodes.notFound });
  const names = workflows.map((each) => each.name);
  const nearest = nearestWord(name, names);
  const hint =
    nearest === undefined ? `; there ${names.length === 0 ? 'is none yet' : `are ${names.join(', ')}`}` : `; did you mean ${nearest}?`;
  throw new CommandError(`there is no workflow ${name}${hint}`, { exitCode: exitCodes.notFound });
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

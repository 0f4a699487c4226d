import type { Command } from 'commander';
import { stringify } from 'yaml';

import { applyWorkflow, listWorkflows } from '../../../lib/store/workflows.ts';
import { outputOf, table } from '../output.ts';
import { whoami, withDatabase } from '../session.ts';
import { registerWorkflowChanges } from '../workflow-changes.ts';
import { findVersion, readWorkflow } from '../workflow-document.ts';
import { registerWorkflowRun } from '../workflow-run.ts';
import { registerWorkflowTests } from '../workflow-tests.ts';

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
      const stored = await withDatabase((database) => findVersion(database, name, '--version', options.version));
      outputOf(command).result(stored, () => `# version ${stored.version}\n${stringify(stored.document)}`.trimEnd());
    });
  registerWorkflowTests(workflows);
  registerWorkflowRun(workflows);
  registerWorkflowChanges(workflows);
}

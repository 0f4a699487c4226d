import type { Command } from 'commander';
import type { CompiledWorkflow } from '../../lib/workflow/compile.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import { readTestCases, runTestCase } from '../../lib/workflow/test-case.ts';
import { CommandError, exitCodes, outputOf } from './output.ts';
import { terminal } from './terminal.ts';
import { mistakesText, readText } from './workflow-document.ts';

interface CaseResult {
  readonly workflow: string;
  readonly name: string;
  /** What is not as the case expects; empty where all is. */
  readonly differences: readonly string[];
}

/** `visapi workflows test`: plays the cases that are kept beside workflows. */
export function registerWorkflowTests(workflows: Command): void {
  workflows
    .command('test')
    .argument('<file...>', 'workflows; the cases of order.yaml are in order.test.yaml beside it')
    .description('play the cases that are kept beside workflows, without a broker, a database or any request')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi workflows test examples/order-follow-up.yaml\n  $ visapi workflows test examples/order-follow-up.yaml --json',
    )
    .action(async (files: string[], _options: object, command: Command) => {
      const results = (await Promise.all(files.map(testFile))).flat();
      const failed = results.filter(({ differences }) => differences.length > 0).length;
      outputOf(command).result(results, () => resultsText(results, failed));
      if (failed > 0) terminal().exitCode = exitCodes.failed;
    });
}

async function testFile(file: string): Promise<CaseResult[]> {
  const workflow = await readCompiled(file);
  const casesFile = file.replace(/\.(ya?ml|json)$/, '.test.$1');
  if (casesFile === file)
    throw new CommandError(`expected a workflow in a file that ends in .yaml, .yml or .json, got ${file}`, {
      exitCode: exitCodes.wrongUsage,
    });
  const cases = readTestCases(await readText(casesFile));
  if (cases.kind === 'wrong') throw new CommandError(mistakesText(casesFile, cases.mistakes));
  return cases.value.map((each) => ({ workflow: workflow.name, name: each.name, differences: runTestCase(workflow, each) }));
}

async function readCompiled(file: string): Promise<CompiledWorkflow> {
  const checked = compileText(await readText(file), 1);
  if (checked.kind === 'wrong') throw new CommandError(mistakesText(file, checked.mistakes));
  return checked.value.compiled;
}

function resultsText(results: readonly CaseResult[], failed: number): string {
  const lines = results.flatMap(({ workflow, name, differences }) => [
    `${differences.length === 0 ? 'ok  ' : 'FAIL'} ${workflow}: ${name}`,
    ...differences.map((difference) => `       ${difference}`),
  ]);
  return [...lines, `${results.length - failed} of ${results.length} as expected.`].join('\n');
}

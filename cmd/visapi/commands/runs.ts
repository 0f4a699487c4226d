import { type Command, Option } from 'commander';
import { writeAudit } from '../../../lib/store/audit-log.ts';
import type { Database } from '../../../lib/store/database.ts';
import { readRuns } from '../../../lib/store/run-reader.ts';
import { planRunRetry, recordRunRetry } from '../../../lib/store/run-retry.ts';
import { listRuns, type RunSummary } from '../../../lib/store/runs.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, type Output, outputOf, table } from '../output.ts';
import { orderCancel } from '../run-cancel.ts';
import { runText } from '../run-view.ts';
import { whoami, withDatabase, withPublisher } from '../session.ts';
import { orderStepRetry } from '../step-retry.ts';

interface ListOptions {
  status: RunSummary['status'] | 'any';
  workflow?: string;
  limit: string;
  after?: string;
}

/** `visapi runs`: what workflows did, and where they stand. */
export function registerRuns(program: Command): void {
  const runs = program
    .command('runs')
    .addHelpText('after', '\nExamples:\n  $ visapi runs list --status failed\n  $ visapi runs show 4qfrx2h7');
  runs
    .command('list')
    .addOption(new Option('--status <status>', 'which ones').choices(['running', 'done', 'failed', 'cancelled', 'any']).default('any'))
    .option('--workflow <name>', 'only those of one workflow')
    .option('--limit <count>', 'at most', '50')
    .option('--after <run>', 'the page after this run')
    .description('runs, newest first')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi runs list --status failed\n  $ visapi runs list --workflow github-release-to-slack --json',
    )
    .action(async ({ status, workflow, limit: text, after }: ListOptions, command: Command) => {
      const limit = parseCount('--limit', text, 1, 1_000);
      const filter = { status: status === 'any' ? undefined : status, workflow, after };
      const found = await withDatabase((database) => listRuns(database, filter, limit));
      outputOf(command).result(found, () => listText(found, limit));
    });
  runs
    .command('show')
    .argument('<run>', 'as visapi runs list shows it')
    .description('one run with the steps that it has reached')
    .addHelpText('after', '\nExamples:\n  $ visapi runs show 4qfrx2h7\n  $ visapi runs show 4qfrx2h7 --json')
    .action(async (id: string, _options: object, command: Command) => {
      const state = await withDatabase(async (database) => (await readRuns(database, [id])).get(id));
      if (state === undefined) throw new CommandError(`there is no run ${id}`, { exitCode: exitCodes.notFound });
      outputOf(command).result(state, () => runText(state));
    });
  runs
    .command('cancel')
    .argument('<run>', 'as visapi runs list shows it')
    .description('end a run where it stands; what is under way may still happen, and nothing comes after it')
    .addHelpText('after', '\nExamples:\n  $ visapi runs cancel 4qfrx2h7\n  $ visapi runs cancel 4qfrx2h7 --json')
    .action(async (id: string, _options: object, command: Command) => {
      await withDatabase((database) => cancelRun(database, outputOf(command), id));
    });
  runs
    .command('retry-step')
    .argument('<run>', 'as visapi runs list shows it')
    .option('--step <id>', 'where it stands, to be sure (default: the step that failed)')
    .description("let a step that could not be evaluated run again, with its workflow's enabled version")
    .addHelpText(
      'after',
      `
Examples:
  $ visapi workflows apply mended.yaml && visapi runs retry-step 4qfrx2h7
  $ visapi runs retry-step 4qfrx2h7 --step notify --json

Steps that are done are not repeated. Where a dead letter stands for the step, visapi dead redeliver is the way.`,
    )
    .action(async (run: string, { step }: { step?: string }, command: Command) => {
      await withDatabase((database) => retryStep(database, outputOf(command), run, step));
    });
}

async function cancelRun(database: Database, output: Output, id: string): Promise<void> {
  const state = (await readRuns(database, [id])).get(id);
  if (state === undefined) throw new CommandError(`there is no run ${id}`, { exitCode: exitCodes.notFound });
  const { run } = state;
  if (run.status === 'done' || run.status === 'cancelled') throw new CommandError(`run ${id} is ${run.status} already`);
  // Published first: after a crash in between the same command does the same again.
  await withPublisher((publisher) => orderCancel(publisher, run));
  await writeAudit(database.tables, { who: whoami(), action: 'run.cancel', target: id, detail: { workflow: run.workflow } });
  output.result(
    { run: id, workflow: run.workflow },
    () => `Run ${id} of ${run.workflow} is cancelled as soon as the messages of its key before it are through.`,
  );
}

async function retryStep(database: Database, output: Output, runId: string, path: string | undefined): Promise<void> {
  const plan = await planRunRetry(database, runId, path);
  if (plan.kind === 'unknown') throw new CommandError(`there is no run ${runId}`, { exitCode: exitCodes.notFound });
  if (plan.kind === 'refused') throw new CommandError(plan.because);
  const { run, step, version } = plan;
  if (step.version === version)
    output.note(`version ${version} of ${run.workflow} is the one that failed; visapi workflows apply saves a mended one`);
  const { workflow, key, priority } = run;
  // Derived from the generation that failed: given twice it is one retry, and after the next failure it is a new one.
  const cause = `${step.commandId} ${step.generation} ${version}`;
  // Published first: after a crash in between the same command does the same again.
  const order = { run: run.id, step: step.path, workflow, version, cause, key, priority, deadLetter: null };
  const generation = await withPublisher((publisher) => orderStepRetry(publisher, order));
  await recordRunRetry(database, { plan, generation, who: whoami() });
  output.result(
    { run: run.id, step: step.path, workflow, version, generation },
    () =>
      `Step ${step.path} of run ${run.id} is rendered again with version ${version} of ${workflow}. visapi trace ${run.eventId} shows what becomes of it.`,
  );
}

function listText(found: readonly RunSummary[], limit: number): string {
  if (found.length === 0) return 'There is no such run.';
  const rows = found.map(({ startedAt, id, workflow, version, key, status, step, error }) => {
    const because = error === null ? '' : `${error.reason}: ${error.because}`;
    return [startedAt, id, `${workflow} ${version}`, key, step === null ? status : `${status} at ${step}`, because];
  });
  const more = found.length < limit ? '' : `\nMore: --after ${found.at(-1)!.id}`;
  return `${table(['started', 'run', 'workflow', 'key', 'status', 'because'], rows)}${more}`;
}

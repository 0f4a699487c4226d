import type { Command } from 'commander';
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { Database } from '../../lib/store/database.ts';
import { disableWorkflow, enabledVersion } from '../../lib/store/workflows.ts';
import { CommandError, exitCodes, outputOf } from './output.ts';
import { whoami, withDatabase } from './session.ts';
import { findVersion, readWorkflow } from './workflow-document.ts';

interface DiffOptions {
  readonly from?: string;
  readonly to?: string;
}

/** `visapi workflows diff` and `disable`: what changes, and what opens no more runs. */
export function registerWorkflowChanges(workflows: Command): void {
  workflows
    .command('diff')
    .argument('<name or file>', 'a workflow for two of its versions; a file for what applying it would change')
    .option('--from <number>', 'the version before (default: the enabled one; of a workflow that opens no runs the newest)')
    .option('--to <number>', 'with a name: the version after (default: the newest)')
    .description('what differs between two versions, or between a version and a file')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi workflows diff examples/github-release-to-slack.yaml\n  $ visapi workflows diff github-release-to-slack --from 1 --to 2',
    )
    .action(async (what: string, options: DiffOptions, command: Command) => {
      const patch = await withDatabase((database) =>
        isName(what) ? versionsPatch(database, what, options) : filePatch(database, what, options),
      );
      outputOf(command).result(patch, () => (patch.isSame ? `${patch.from} and ${patch.to} are the same.` : patch.patch.trimEnd()));
    });
  workflows
    .command('disable')
    .argument('<name>', "the workflow's name")
    .description('let a workflow open no more runs; those that are open go on, and apply enables it again')
    .addHelpText('after', '\nExamples:\n  $ visapi workflows disable github-release-to-slack')
    .action(async (name: string, _options: object, command: Command) => {
      const wasEnabled = await withDatabase(async (database) => {
        await findVersion(database, name, '--version', undefined);
        return await disableWorkflow(database, { name, who: whoami() });
      });
      outputOf(command).result({ name, wasEnabled }, () =>
        wasEnabled ? `${name} opens no more runs. Those that are open go on.` : `${name} was disabled already.`,
      );
    });
}

/** A file's name has a dot or a slash, or is `-`. */
function isName(what: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(what);
}

interface Patch {
  readonly from: string;
  readonly to: string;
  readonly isSame: boolean;
  /** In unified format. */
  readonly patch: string;
}

async function versionsPatch(database: Database, name: string, { from, to }: DiffOptions): Promise<Patch> {
  const before = await versionBefore(database, name, from);
  const after = await findVersion(database, name, '--to', to);
  return patchOf([`${name} version ${before.version}`, before.document], [`${name} version ${after.version}`, after.document]);
}

async function filePatch(database: Database, file: string, { from, to }: DiffOptions): Promise<Patch> {
  if (to !== undefined)
    throw new CommandError('--to: expected only with the name of a workflow, got it with a file', { exitCode: exitCodes.wrongUsage });
  const document = await readWorkflow(file);
  const before = await versionBefore(database, document.name, from);
  return patchOf([`${document.name} version ${before.version}`, before.document], [file, document]);
}

async function versionBefore(database: Database, name: string, from: string | undefined): ReturnType<typeof findVersion> {
  return (from === undefined ? await enabledVersion(database, name) : undefined) ?? (await findVersion(database, name, '--from', from));
}

/** The database keeps no order of fields, so both are written in the same one. */
function patchOf([from, before]: readonly [string, unknown], [to, after]: readonly [string, unknown]): Patch {
  const [old, fresh] = [before, after].map((document) => stringify(document, { sortMapEntries: true }));
  const patch = createTwoFilesPatch(from, to, old!, fresh!);
  return { from, to, isSame: old === fresh, patch };
}

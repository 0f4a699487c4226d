import { readFile } from 'node:fs/promises';
import type { Database } from '../../lib/store/database.ts';
import { findWorkflow, listWorkflows } from '../../lib/store/workflows.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import type { WorkflowDefinition } from '../../lib/workflow/definition.ts';
import type { Mistake } from '../../lib/workflow/mistake.ts';
import { mistakeText, nearestWord } from '../../lib/workflow/mistake.ts';
import type { StoredWorkflow } from '../../lib/workflow/run-reader.ts';
import { CommandError, exitCodes } from './output.ts';

/** One version of a workflow, the newest where `text` is undefined; `option` is what `text` was given to. */
export async function findVersion(database: Database, name: string, option: string, text: string | undefined): Promise<StoredWorkflow> {
  if (text !== undefined && !/^[1-9]\d{0,8}$/.test(text))
    throw new CommandError(`${option}: expected a whole number from 1, got ${text}`, { exitCode: exitCodes.wrongUsage });
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
export async function readWorkflow(file: string): Promise<WorkflowDefinition> {
  const checked = compileText(await readText(file), 1);
  if (checked.kind === 'right') return checked.value.definition;
  throw new CommandError(mistakesText(file, checked.mistakes));
}

/** A file's text; `-` is standard input. */
export async function readText(file: string): Promise<string> {
  try {
    // File descriptor 0 is standard input.
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CommandError(`expected a file that can be read, got ${file} (${code})`, { exitCode: exitCodes.notFound, cause: error });
  }
}

export function mistakesText(file: string, mistakes: readonly Mistake[]): string {
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  return [`${file} has ${count}:`, ...mistakes.map((mistake) => `  ${mistakeText(mistake)}`)].join('\n');
}

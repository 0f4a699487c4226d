import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyPatch, type Operation } from 'rfc6902';
import { readEditor } from './config.ts';
import { CommandError, errorText, exitCodes } from './output.ts';
import { terminal } from './terminal.ts';

export interface EditOptions {
  /** The whole payload: JSON, or `@<file>`. */
  readonly data?: string;
  /** A JSON patch (RFC 6902): a list of operations, or `@<file>`. */
  readonly patch?: string;
}

/** What a person makes of a payload: with the options, else in their editor. @throws CommandError where nothing comes of it */
export async function editPayload(text: string, { data, patch }: EditOptions): Promise<string> {
  if (data !== undefined && patch !== undefined) throw wrong('expected --data or --patch, got both');
  if (data !== undefined) return await readGiven('--data', data);
  if (patch !== undefined) return patchText(text, await readGiven('--patch', patch));
  return await editInEditor(text);
}

async function readGiven(option: string, given: string): Promise<string> {
  if (!given.startsWith('@')) return given;
  try {
    // An editor has put the line break there.
    return (await readFile(given.slice(1), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new CommandError(`${option}: expected a file that can be read after the @`, { exitCode: exitCodes.wrongUsage, cause: error });
  }
}

function patchText(text: string, patch: string): string {
  const document = parse('the payload', text);
  const operations = parse('--patch', patch);
  if (!Array.isArray(operations)) throw wrong('--patch: expected a list of operations (RFC 6902)');
  const results = applyPatch(document, operations as Operation[]);
  results.forEach((problem, n) => {
    if (problem !== null) throw wrong(`--patch: operation ${n + 1}: ${problem.message}`);
  });
  return JSON.stringify(document);
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${what}: expected JSON, got ${errorText(error)}`, { exitCode: exitCodes.wrongUsage, cause: error });
  }
}

async function editInEditor(text: string): Promise<string> {
  const editor = readEditor();
  if (editor === undefined && terminal().stdin.isTTY !== true)
    throw wrong('expected --data, --patch, or an editor in EDITOR; there is no terminal to open one on');
  const folder = await mkdtemp(join(tmpdir(), 'visapi-edit-'));
  try {
    const file = join(folder, 'payload.json');
    const offered = `${readable(text)}\n`;
    await writeFile(file, offered, { mode: 0o600 });
    // EDITOR may carry arguments, as `code --wait` does.
    const child = spawn('sh', ['-c', `${editor ?? 'vi'} "$1"`, 'sh', file], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new CommandError(`the editor ended with ${code ?? 'a signal'}; nothing is done`);
    const edited = await readFile(file, 'utf8');
    return edited === offered ? text : edited.replace(/\r?\n$/, '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Indented, but only where that changes no number and no name: what was read and written again has to be the same. */
function readable(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? JSON.stringify(value, null, 2) : text;
  } catch {
    // Not JSON: it is shown as it is.
    return text;
  }
}

function wrong(message: string): CommandError {
  return new CommandError(message, { exitCode: exitCodes.wrongUsage });
}

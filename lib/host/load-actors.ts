import { readdirSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asFields, definitionProblems } from '../actor/check-definition.ts';
import type { ActorDefinition } from '../actor/define-actor.ts';
import { AppError } from '../core/app-error.ts';

/**
 * Loads actors of a user's own from files that are no part of this project, TypeScript or JavaScript. Owns what is wrong with
 * them: every problem of every file is told at once, each with what was expected and got.
 */
export interface ActorPlaces {
  /** Files, and folders whose files all have an actor; a folder's sub-folders, tests and declarations are left alone. */
  readonly paths: readonly string[];
  /** Relative paths start here. */
  readonly from: string;
  /** Names that other actors have already. */
  readonly taken: readonly string[];
  /**
   * What the files' `import ... from 'visapi'` gets, by specifier: addresses of modules. So it is always the running one, and an
   * actor's folder needs nothing installed.
   */
  readonly kit: Readonly<Record<string, string>>;
}

export interface LoadedActor {
  readonly definition: ActorDefinition;
  /** As seen from `from`. */
  readonly file: string;
}

const MODULE = /\.(ts|mts|js|mjs)$/;
const NO_ACTOR = /(\.test|\.spec|\.d)\.(ts|mts|js|mjs)$/;

/** @throws AppError `invalid_config` with all problems */
export async function loadActors(places: ActorPlaces): Promise<LoadedActor[]> {
  const problems: string[] = [];
  const files = places.paths.flatMap((path) => filesOf(resolve(places.from, path), path, problems));
  // For as long as the process lives: an actor may import the kit again while it runs.
  registerHooks({
    resolve: (specifier, context, next) => {
      const url = places.kit[specifier];
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
    },
  });
  const loaded: LoadedActor[] = [];
  for (const path of new Set(files)) loaded.push(...(await readFile(path, relative(places.from, path) || path, problems)));
  problems.push(...nameProblems(loaded, places.taken));
  if (problems.length > 0)
    throw new AppError('invalid_config', [`${problems.length} problem(s) with the actors:`, ...problems].join('\n  - '));
  return loaded;
}

function filesOf(path: string, given: string, problems: string[]): string[] {
  try {
    if (statSync(path).isFile()) return [path];
    const files = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isFile() && MODULE.test(entry.name) && !NO_ACTOR.test(entry.name))
      .map((entry) => join(path, entry.name))
      .toSorted();
    if (files.length === 0) problems.push(`${given}: expected a folder with .ts, .mts, .js or .mjs files, got none`);
    return files;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    problems.push(`${given}: expected a file or a folder, got nothing that can be read (${code})`);
    return [];
  }
}

async function readFile(path: string, file: string, problems: string[]): Promise<LoadedActor[]> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    problems.push(`${file}: expected a module that can be loaded, got ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
  const found = Object.entries(exports).filter(([, value]) => looksLikeActor(value));
  if (found.length === 0) {
    const got = Object.keys(exports).join(', ') || 'no export';
    problems.push(`${file}: expected an export made by defineActor, got ${got}; helpers belong into a folder below`);
  }
  return found.flatMap(([name, value]) => {
    const wrong = definitionProblems(value);
    problems.push(...wrong.map((problem) => `${file}, export ${name}: ${problem}`));
    return wrong.length > 0 ? [] : [{ definition: value as ActorDefinition, file }];
  });
}

/** Two of what an actor must have: then something else was hardly meant. */
function looksLikeActor(value: unknown): boolean {
  const fields = asFields(value);
  return fields !== undefined && ['name', 'input', 'retry', 'timeoutMs', 'receive'].filter((field) => field in fields).length >= 2;
}

function nameProblems(loaded: readonly LoadedActor[], taken: readonly string[]): string[] {
  const owners = new Map(taken.map((name) => [name, 'one that VisAPI brings along']));
  return loaded.flatMap(({ definition: { name }, file }) => {
    const owner = owners.get(name);
    if (owner === undefined) {
      owners.set(name, `one of ${file}`);
      return [];
    }
    return [`${file}: actor ${JSON.stringify(name)}: expected a name of its own, got that of ${owner}`];
  });
}

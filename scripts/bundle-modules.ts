/**
 * Makes one file each of the packages that most test files load, and of the programs that they start (bundle-programs.ts).
 * The packages have hundreds of small files, which are most of a process's start. Done once for the same sources.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { compileCache, localHome, projectRoot } from '../lib/dev/local-home.ts';
import { bundlePrograms, httpWithoutFetch, programsDigest, REQUIRE, writeBundles } from './bundle-programs.ts';

/** As the sources import them. Left out is what has native parts or files of its own, and what few processes load. */
const MODULES = [
  '@fastify/helmet',
  '@fastify/rate-limit',
  '@fastify/swagger',
  '@marcbachmann/cel-js',
  '@nats-io/jetstream',
  '@nats-io/kv',
  '@nats-io/nats-core',
  '@nats-io/obj',
  '@nats-io/transport-node',
  'commander',
  'fastify',
  'fastify-metrics',
  'html-to-text',
  'kysely',
  'kysely/migration',
  'liquidjs',
  'nodemailer',
  'pg',
  'pino',
  'prom-client',
  'undici',
  'yaml',
  'zod',
];

/** @returns the address of what a process has to import first to load the bundles */
export async function bundleModules(): Promise<string> {
  const recipe = [
    readFileSync(join(projectRoot, 'package-lock.json')),
    readFileSync(import.meta.filename),
    programsDigest(),
    process.version,
  ];
  const digest = recipe.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
  const all = join(localHome('.visapi').cache, 'modules');
  const folder = join(all, digest.slice(0, 16));
  if (!existsSync(folder)) {
    mkdirSync(all, { recursive: true });
    // Whole or not at all, whoever else does the same at the same time.
    const unfinished = mkdtempSync(join(all, 'unfinished-'));
    try {
      await bundlePackages(unfinished);
      const programs = await bundlePrograms(unfinished, folder);
      writeFileSync(join(unfinished, 'use-bundles.mjs'), hookOf(programs));
      removeOld(all);
      // Compiled code is kept by a file's name: that of old bundles is of no use.
      if (existsSync(compileCache)) for (const name of readdirSync(compileCache)) removeOld(join(compileCache, name));
      moveTo(unfinished, folder);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  return pathToFileURL(join(folder, 'use-bundles.mjs')).href;
}

function moveTo(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Another run was faster with the same.
    if (!existsSync(to)) throw error;
  }
}

/** A day later no run uses the bundles of other sources. Other runs do the same here at the same time. */
function removeOld(all: string): void {
  for (const name of readdirSync(all)) {
    const path = join(all, name);
    const { mtimeMs = Infinity } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > 86_400_000) rmSync(path, { recursive: true, force: true });
  }
}

const fileOf = (name: string): string => `${name.replaceAll(/\W+/g, '-')}.mjs`;

async function bundlePackages(folder: string): Promise<void> {
  const exported = new Map<string, string[]>();
  for (const name of MODULES) exported.set(name, await exportsOf(name));
  // An entry of our own names what a CommonJS package exports, which its code alone does not tell.
  const entries: Plugin = {
    name: 'entries',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^entry:/ }, ({ path }) => ({ path: path.slice('entry:'.length), namespace: 'entry' }));
      onLoad({ filter: /./, namespace: 'entry' }, ({ path }) => ({
        contents: `export { ${exported.get(path)?.join(', ')} } from ${JSON.stringify(path)};`,
        resolveDir: projectRoot,
      }));
    },
  };
  const { outputFiles } = await build({
    entryPoints: MODULES.map((name) => ({ in: `entry:${name}`, out: fileOf(name).replace(/\.mjs$/, '') })),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    plugins: [httpWithoutFetch, entries],
    bundle: true,
    // What two of them need is one file, and so one instance.
    splitting: true,
    format: 'esm',
    platform: 'node',
    external: ['pg-native'],
    banner: { js: REQUIRE },
    absWorkingDir: projectRoot,
    logLevel: 'error',
    write: false,
  });
  writeBundles(outputFiles);
}

async function exportsOf(name: string): Promise<string[]> {
  const names = Object.keys((await import(name)) as object);
  return names.filter((each) => /^[\w$]+$/.test(each));
}

/**
 * A process of one of the programs runs its bundle. In any other one our own imports get the packages' bundles; what a package
 * imports itself stays as it is.
 */
function hookOf(programs: Readonly<Record<string, string>>): string {
  const files = Object.fromEntries(MODULES.map((name) => [name, fileOf(name)]));
  return `import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
const programs = ${JSON.stringify(programs)};
const files = ${JSON.stringify(files)};
const main = resolve(process.argv[1] ?? '');
if (main in programs) {
  if (isMainThread) runBundle(pathToFileURL(main).href, pathToFileURL(programs[main]).href);
} else {
  registerHooks({
    resolve(name, context, next) {
      const file = files[name];
      if (file === undefined || context.parentURL?.includes('/node_modules/')) return next(name, context);
      return { url: new URL(file, import.meta.url).href, format: 'module', shortCircuit: true };
    },
  });
}
function runBundle(from, to) {
  const hooks = registerHooks({
    load(url, context, next) {
      if (url !== from) return next(url, context);
      // Every other file is what it is, and without hooks it is found faster.
      hooks.deregister();
      return { format: 'module', source: 'import ' + JSON.stringify(to) + ';', shortCircuit: true };
    },
  });
}
`;
}

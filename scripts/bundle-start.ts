/**
 * `node scripts/bundle-start.ts <folder>`: makes one file of each program that `npm start` and the tool run, with the packages in
 * it, whole or not at all. `launch.cjs` runs them. Those of the tests are others (bundle-programs.ts): they share parts, so that
 * all of them are made in less time.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { projectRoot } from '../lib/dev/local-home.ts';
import { lineTable } from './line-table.ts';

const MAINS = ['cmd/ingest/main.ts', 'cmd/processor/main.ts', 'cmd/notifier/main.ts', 'cmd/visapi/main.ts'];
/** A thread's file is loaded by its address. */
const WORKER = 'lib/program/watchdog-worker.ts';
/** They have native parts. */
const LEFT_OUT = ['lmdb', 'pg-native', 'puppeteer-core'];
/** Of this many edits, some 40 MB each; a system that runs may start its programs again out of older ones than the last. */
const KEPT = 3;

const [, , folder] = process.argv;
if (folder === undefined) throw new Error('expected the folder for the bundles');
const all = dirname(folder);
mkdirSync(all, { recursive: true });
const unfinished = mkdtempSync(join(all, 'unfinished-'));
try {
  await Promise.all([
    bundle({ entryPoints: MAINS, format: 'cjs', outExtension: { '.js': '.cjs' }, sourcemap: 'external', sourcesContent: false }),
    bundle({ entryPoints: [WORKER], format: 'esm', outExtension: { '.js': '.mjs' } }),
  ]);
  renameSync(unfinished, folder);
} catch (error) {
  // Another start may have been faster with the same.
  if (!existsSync(folder)) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(unfinished, { recursive: true, force: true });
}
const byAge = readdirSync(all)
  .map((name) => ({ path: join(all, name), madeAt: statSync(join(all, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
  .toSorted((a, b) => b.madeAt - a.madeAt);
for (const { path } of byAge.slice(KEPT)) rmSync(path, { recursive: true, force: true });

async function bundle(options: BuildOptions): Promise<void> {
  const { outputFiles } = await build({
    ...options,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // launch.cjs reads them byte by byte.
    charset: 'ascii',
    outdir: unfinished,
    outbase: projectRoot,
    absWorkingDir: projectRoot,
    external: LEFT_OUT,
    plugins: [ownPlaces()],
    logOverride: { 'empty-import-meta': 'error' },
    logLevel: 'silent',
    write: false,
  });
  for (const { path, contents, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    if (path.endsWith('.map')) writeLines(path, text);
    else writeFileSync(path, contents);
  }
}

/** What launch.cjs names the lines of an error by. */
function writeLines(path: string, text: string): void {
  const { sources, mappings } = JSON.parse(text) as { sources: string[]; mappings: string };
  const bundled = path.replace(/\.map$/, '');
  writeFileSync(`${bundled}.sources`, JSON.stringify(sources.map((source) => resolve(dirname(path), source))));
  writeFileSync(`${bundled}.lines`, lineTable(mappings));
}

/** A source keeps its own place, where it reads files from. A CommonJS file cannot wait at its top level, so a main starts and returns. */
function ownPlaces(): Plugin {
  const worker = JSON.stringify(pathToFileURL(join(folder ?? '', WORKER.replace(/\.ts$/, '.mjs'))).href);
  const mains = new Set(MAINS.map((file) => join(projectRoot, file)));
  const read = (path: string): string => {
    const text = readFileSync(path, 'utf8')
      .replaceAll(/new URL\('(\.\/[^']+)', import\.meta\.url\)/g, (whole, file: string) =>
        resolve(dirname(path), file) === join(projectRoot, WORKER) ? `new URL(${worker})` : whole,
      )
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
      .replaceAll('import.meta.filename', JSON.stringify(path));
    return mains.has(path) ? text.replaceAll(/^(.*\bawait .*);$/gm, wrapTopLevel) : text;
  };
  return {
    name: 'own places',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => (path.startsWith(projectRoot) ? { contents: read(path), loader: 'ts' } : undefined));
      onLoad({ filter: /node_modules\/@fastify\/(swagger-ui|static)\/.*\.js$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8')
          .replaceAll(/\b__dirname\b/g, JSON.stringify(dirname(path)))
          .replaceAll(/\b__filename\b/g, JSON.stringify(path)),
        loader: 'js',
      }));
    },
  };
}

/** Only what begins at the line's begin is at the top level. */
function wrapTopLevel(line: string): string {
  return /^\s/.test(line) ? line : `void (async () => { ${line} })();`;
}

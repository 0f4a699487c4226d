/**
 * Makes a few files each of the programs that the tests start, with our own code and the packages in them. A program's some
 * two hundred files are more than half of its start, and a run of the tests makes more than a hundred starts.
 */
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type OutputFile, type Plugin } from 'esbuild';
import { projectRoot } from '../lib/dev/local-home.ts';

/** What a process is started with. */
const MAINS = [
  'cmd/ingest/main.ts',
  'cmd/processor/main.ts',
  'cmd/notifier/main.ts',
  'cmd/visapi/main.ts',
  'test/poison/poison-program.ts',
  'test/slow-clients/door-program.ts',
];

/** What a program loads by its address: a thread's file, and the kit for actors that are no part of the program. */
const ADDRESSED = ['lib/program/watchdog-worker.ts', 'sdk/visapi.ts', 'sdk/testing.ts'];

/** They have native parts. */
const LEFT_OUT = ['lmdb', 'pg-native', 'puppeteer-core'];

/** @returns changes with every source that may be in a program */
export function programsDigest(): string {
  const hash = createHash('sha256').update(readFileSync(import.meta.filename));
  const sources = globSync('{cmd,lib,sdk,streams,test}/**/*.ts', { cwd: projectRoot, exclude: (name) => name.endsWith('.test.ts') });
  for (const file of sources.toSorted()) hash.update(file).update(readFileSync(join(projectRoot, file)));
  return hash.digest('hex');
}

/**
 * @param folder where they are written
 * @param home where they will be; within this project, so that what is left out is found from there
 * @returns per file that a process may be started with the file to run instead
 */
export async function bundlePrograms(folder: string, home: string): Promise<Record<string, string>> {
  const outputOf = (file: string): string => join(home, file.replace(/\.ts$/, '.mjs'));
  const { outputFiles } = await build({
    entryPoints: [...MAINS, ...ADDRESSED],
    outdir: folder,
    outbase: projectRoot,
    outExtension: { '.js': '.mjs' },
    plugins: [httpWithoutFetch, ownPlaces(outputOf)],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: LEFT_OUT,
    banner: { js: REQUIRE },
    absWorkingDir: projectRoot,
    logLevel: 'error',
    write: false,
  });
  writeBundles(outputFiles);
  return Object.fromEntries(MAINS.map((file) => [join(projectRoot, file), outputOf(file)]));
}

/**
 * Node keeps compiled code right after the compilation of a file, when V8 has looked through its functions only, and does not
 * keep that. A function in brackets is compiled with its file: so each CommonJS package has one, and is kept.
 */
export function writeBundles(files: readonly OutputFile[]): void {
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true });
    const wrapped = text.replaceAll(/^( {2}"[^"\n]+")(\(exports(?:, module)?\) \{\n.*?\n {2}\})(?=\n\}\);\n)/gms, '$1: (function$2)');
    writeFileSync(path, wrapped);
  }
}

/** CommonJS in a bundle asks for Node's modules by this. */
export const REQUIRE = "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);";

/**
 * An `import` of node:http makes Node load its whole `fetch` for the one name `WebSocket` (90 ms in Node 24), a `require`
 * does not. Most processes never fetch.
 */
export const httpWithoutFetch: Plugin = {
  name: 'http without fetch',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) => {
      const name = path.replace(/^(node:)?/, 'node:');
      return kind === 'require-call' ? { path: name, external: true } : { path: name, namespace: 'required' };
    });
    onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      resolveDir: projectRoot,
    }));
  },
};

/** A source keeps its own place, where it reads files from; other sources that are bundled too are found in the bundle. */
function ownPlaces(outputOf: (file: string) => string): Plugin {
  const bundled = new Map(ADDRESSED.map((file) => [join(projectRoot, file), pathToFileURL(outputOf(file)).href]));
  const replace = (path: string): string =>
    readFileSync(path, 'utf8')
      .replaceAll(/new URL\('(\.\/[^']+)', import\.meta\.url\)/g, (whole, file: string) => {
        const address = bundled.get(resolve(dirname(path), file));
        return address === undefined ? whole : `new URL(${JSON.stringify(address)})`;
      })
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
      .replaceAll('import.meta.filename', JSON.stringify(path));
  const replaceCommon = (path: string): string =>
    readFileSync(path, 'utf8')
      .replaceAll(/\b__dirname\b/g, JSON.stringify(dirname(path)))
      .replaceAll(/\b__filename\b/g, JSON.stringify(path));
  return {
    name: 'own places',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => (path.startsWith(projectRoot) ? { contents: replace(path), loader: 'ts' } : undefined));
      onLoad({ filter: /node_modules\/@fastify\/(swagger-ui|static)\/.*\.js$/ }, ({ path }) => ({
        contents: replaceCommon(path),
        loader: 'js',
      }));
    },
  };
}

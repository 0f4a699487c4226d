// `node launch.cjs <bundle> ...`: runs a program out of its bundle, with the code that an earlier run has compiled. Node's own
// cache has what is compiled before a file is run, which is little of it: most functions are compiled when they are first called.
// Plain JavaScript: it is the first thing that a program does.
'use strict';
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { constants, Script } = require('node:vm');

const [, , bundle = '', ...words] = process.argv;
process.argv.splice(1, process.argv.length, bundle, ...words);

// The tool's commands have little in common.
const cache = `${bundle}.${/^[a-z]+$/.test(words[0] ?? '') ? words[0] : 'main'}.compiled`;
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined;
const script = new Script(`(function (exports, require, module) {${readFileSync(bundle, 'latin1')}\n})`, {
  filename: bundle,
  cachedData,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});

/** @type {{ sources: readonly string[], lines: Uint32Array } | undefined} */
let known;

if (cachedData === undefined || script.cachedDataRejected) process.once('exit', (code) => code === 0 && keep());
Error.prepareStackTrace = stackOf;
const own = { exports: {} };
script.runInThisContext()(own.exports, createRequire(bundle), own);

/** When the process ends well it has compiled what a start takes. Whole or not at all. */
function keep() {
  try {
    writeFileSync(`${cache}.${process.pid}`, script.createCachedData());
    renameSync(`${cache}.${process.pid}`, cache);
  } catch {
    // The next start takes longer.
  }
}

/**
 * An error's stack by the lines of the sources.
 * @param {Error} error @param {NodeJS.CallSite[]} calls @returns {string}
 */
function stackOf(error, calls) {
  let text = 'Error';
  try {
    text = Error.prototype.toString.call(error);
  } catch {
    // What it is cannot be said, where it was can.
  }
  return [text, ...calls.map((call) => `    at ${placeOf(call)}`)].join('\n');
}

/** @param {NodeJS.CallSite} call @returns {string} */
function placeOf(call) {
  const line = call.getLineNumber();
  if (call.getFileName() !== bundle || line === null) return textOf(call);
  const { sources, lines } = readLines();
  const source = sources[(lines[2 * line - 2] ?? 0) - 1];
  return source === undefined
    ? textOf(call)
    : textOf(call).replace(`${bundle}:${line}:${call.getColumnNumber()}`, `${source}:${lines[2 * line - 1]}`);
}

/**
 * As the engine writes it; its type does not say that it can.
 * @param {NodeJS.CallSite} call @returns {string}
 */
function textOf(call) {
  return /** @type {{ toString(): string }} */ (call).toString();
}

/** Read with the first error. */
function readLines() {
  if (known !== undefined) return known;
  try {
    const bytes = readFileSync(`${bundle}.lines`);
    const lines = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    known = { sources: JSON.parse(readFileSync(`${bundle}.sources`, 'utf8')), lines };
  } catch {
    known = { sources: [], lines: new Uint32Array() };
  }
  return known;
}

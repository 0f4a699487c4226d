#!/usr/bin/env node
// Runs on any Node from 20 on and hands over to the project's own Node, which reads TypeScript.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledProgram, findBundles } from '../scripts/bundles.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules', '.bin', 'node');

if (!existsSync(node)) {
  process.stderr.write(`visapi: nothing is installed yet; run npm start or npm ci in ${root} first\n`);
  process.exit(1);
}

// As `npm start` has bundled it, where no source was edited since then; a person's own actors get the kit that lies in the tree.
const { folder, isMade } = findBundles(root);
const { args, env } =
  isMade && !process.env['VISAPI_ACTORS']
    ? bundledProgram(root, folder, 'cmd/visapi/main.ts')
    : { args: [join(root, 'cmd', 'visapi', 'main.ts')], env: { NODE_COMPILE_CACHE: join(root, '.visapi', 'cache', 'node') } };
const child = spawn(node, [...args, ...process.argv.slice(2)], { stdio: 'inherit', env: { ...env, ...process.env } });
// The terminal sends Ctrl-C to both of us; what is left to pass on are signals sent to this process alone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  process.exit(code ?? 1);
});

#!/usr/bin/env node
// Runs on any Node from 20 on and hands over to the project's own Node, which reads TypeScript.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules', '.bin', 'node');

if (!existsSync(node)) {
  process.stderr.write(`visapi: nothing is installed yet; run npm start or npm ci in ${root} first\n`);
  process.exit(1);
}

const child = spawn(node, [join(root, 'cmd', 'visapi', 'main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: join(root, '.visapi', 'cache', 'node'), ...process.env },
});
// The terminal sends Ctrl-C to both of us; what is left to pass on are signals sent to this process alone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  process.exit(code ?? 1);
});

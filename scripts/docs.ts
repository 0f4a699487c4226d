/** `npm run docs`: writes the pages that come from the code. A test compares them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../lib/dev/local-home.ts';
import { generatedPages } from './docs/generated-pages.ts';

for (const [path, text] of generatedPages()) {
  writeFileSync(join(projectRoot, path), text);
  process.stdout.write(`${path}\n`);
}

import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

/** One entry of the file that ingest reads (INGEST_SOURCES_FILE). */
export interface DemoSource {
  readonly name: string;
  readonly preset: string;
  readonly secrets: readonly { readonly value: string }[];
}

/** 32 bytes, as much as the hash behind the signature can use. */
const secretBytes = 32;

/**
 * The demo's sources, with secrets made on the first start and kept from then on; a file that a person has changed stays.
 * @throws Error when the file is there and is no list
 */
export async function ensureDemoSources(path: string): Promise<readonly DemoSource[]> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text !== undefined) {
    const present: unknown = JSON.parse(text);
    if (!Array.isArray(present)) throw new Error(`expected a list of sources in ${path}; delete the file for a new one`);
    return present as DemoSource[];
  }
  const sources: DemoSource[] = [
    { name: 'github', preset: 'github', secrets: [{ value: randomBytes(secretBytes).toString('hex') }] },
    { name: 'demo-standard', preset: 'standard-webhooks', secrets: [{ value: `whsec_${randomBytes(secretBytes).toString('base64')}` }] },
  ];
  // Whole or not at all, and readable by us alone.
  await writeFile(`${path}.${process.pid}`, `${JSON.stringify(sources, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.${process.pid}`, path);
  return sources;
}

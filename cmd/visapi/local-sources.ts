import { readFile } from 'node:fs/promises';
import { readToolConfig } from './config.ts';

/** A source as the local sources file has it. */
export interface LocalSource {
  readonly name: string;
  readonly preset: string;
  readonly secrets: readonly { readonly value: string; readonly expiresAt?: string }[];
}

/** The sources of this machine; none where there is no such file. */
export async function readLocalSources(): Promise<readonly LocalSource[]> {
  const text = await readFile(readToolConfig().home.sources, 'utf8').catch(() => '[]');
  return JSON.parse(text) as readonly LocalSource[];
}

/** Their names; none where the file cannot be read, as only looking needs them. */
export async function localSourceNames(): Promise<string[]> {
  const sources = await readLocalSources().catch(() => []);
  return Array.isArray(sources) ? sources.map(({ name }: LocalSource) => name) : [];
}

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DEVELOPMENT_MARK } from '../core/seal.ts';
import type { LocalHome } from './local-home.ts';

/** As many as AES-256 has, and as the hash behind the digests can use. */
const SECRET_BYTES = 32;

/** Makes the secrets key, the pepper and the key for links of this machine on the first start; what is there stays. Production refuses them. */
export async function ensureLocalSecrets(home: Pick<LocalHome, 'root' | 'secretsKey' | 'apiKeyPepper' | 'documentLinkKey'>): Promise<void> {
  await mkdir(home.root, { recursive: true });
  for (const path of [home.secretsKey, home.apiKeyPepper, home.documentLinkKey])
    if ((await readPrivate(path)) === undefined) await writePrivate(path, DEVELOPMENT_MARK + randomBytes(SECRET_BYTES).toString('base64'));
}

/**
 * Gives every name a password on the first start; what is there stays.
 * @returns them by name
 */
export async function ensurePasswords<Name extends string>(path: string, names: readonly Name[]): Promise<Readonly<Record<Name, string>>> {
  const kept = JSON.parse((await readPrivate(path)) ?? '{}') as Record<string, string>;
  const entries = names.map((name) => [name, kept[name] ?? randomBytes(SECRET_BYTES).toString('base64url')] as const);
  if (names.some((name) => kept[name] === undefined)) {
    await mkdir(dirname(path), { recursive: true });
    await writePrivate(path, JSON.stringify({ ...kept, ...Object.fromEntries(entries) }, null, 2));
  }
  return Object.fromEntries(entries) as Record<Name, string>;
}

/** @returns undefined where there is no such file */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes it whole or not at all, readable by us alone. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${text}\n`, { mode: 0o600 });
  await rename(draft, path);
}

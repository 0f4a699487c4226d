import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Seal } from '../core/seal.ts';
import type { SettingEntry } from './known-settings.ts';

/** What is bound to it opens nowhere else. */
const PLACE = 'settings-snapshot';

const snapshotSchema = z.object({
  savedAt: z.string(),
  /** Not in files of earlier versions. */
  bucketCreatedAt: z.string().optional(),
  entries: z.array(z.object({ key: z.string(), value: z.string(), revision: z.number() })),
});

export interface SettingsSnapshot {
  /** RFC 3339. */
  readonly savedAt: string;
  /** When the bucket was made that all of it comes from. */
  readonly bucketCreatedAt?: string | undefined;
  readonly entries: readonly SettingEntry[];
}

/**
 * Reads what was known last.
 * @returns undefined where there is no such file
 * @throws AppError `cannot_unseal`, SyntaxError, Error: the file is there and cannot be used
 */
export async function readSnapshot(path: string, seal: Seal): Promise<SettingsSnapshot | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return snapshotSchema.parse(JSON.parse(seal.open(text.trim(), PLACE)));
}

/** Writes it whole or not at all, sealed, readable by us alone; when it has resolved, a power cut leaves this or a later one. */
export async function writeSnapshot(path: string, snapshot: SettingsSnapshot, seal: Seal): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(`${seal.seal(JSON.stringify(snapshot), PLACE)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  const held = await open(folder, 'r');
  try {
    // Without it the new name may be lost although its bytes are not.
    await held.sync();
  } finally {
    await held.close();
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import type { Journal, JournalOffer } from './journal.ts';
import { openJournal, type JournalOptions } from './open-journal.ts';

/** A folder for a journal; removed when the test ends. */
export function journalPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-journal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'journal');
}

/** Opens it, and closes it when the test ends, before its folder is removed. */
export async function openTestJournal(t: TestContext, path: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  const journal = await openJournal({ path, maxBytes: 100_000_000, ...options });
  t.after(() => journal.close());
  return journal;
}

export function offer(id: string, options: { bytes?: number; isRemembered?: boolean; key?: string } = {}): JournalOffer {
  const { bytes = 20, isRemembered = true, key = 'key' } = options;
  const body = Buffer.alloc(bytes, `${id} `);
  return { emit: { id, subject: 'events.test.key', key, headers: { 'ce-type': 'test' }, body }, isRemembered };
}

export function idsOf(journal: Journal): string[] {
  return journal.read(0, Number.MAX_SAFE_INTEGER).map(({ emit }) => emit.id);
}

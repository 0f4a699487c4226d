import { closeSync, existsSync, openSync } from 'node:fs';

import { DamagedPage, readMeta, readPage, type Meta, type Tree } from './lmdb-file.ts';

/** While another process writes, pages change under the check; then it is repeated. */
const MAX_TRIES = 5;

/** What the journal keeps in its file; a file that has others, or lacks one while it has some, is not a journal. */
const DATABASES = ['records', 'ids', 'id-order', 'damaged', 'meta'];

/**
 * Looks at every page of every tree of a journal's file before LMDB maps it.
 * @returns why it cannot be used; undefined where it can, or is not there
 */
export function findDamage(dataPath: string): string | undefined {
  if (!existsSync(dataPath)) return undefined;
  const file = openSync(dataPath, 'r');
  try {
    for (let tries = 1; ; tries += 1) {
      const meta = readMeta(file);
      const damage = meta ? damageOf(file, meta) : 'neither page of roots is readable';
      if (damage === undefined || tries === MAX_TRIES || readMeta(file)?.transaction === meta?.transaction) return damage;
    }
  } finally {
    closeSync(file);
  }
}

function damageOf(file: number, meta: Meta): string | undefined {
  try {
    checkTree(file, meta, meta.free);
    const names: string[] = [];
    const databases: Tree[] = [];
    walk(file, meta, meta.main, (named) => {
      names.push(...named.map(({ name }) => name));
      databases.push(...named);
    });
    // Of a journal that was killed while it was made.
    const isNew = meta.main.root === undefined || names.length < DATABASES.length;
    const strange = names.find((name) => !DATABASES.includes(name));
    if (strange !== undefined || (isNew && databases.some(({ root }) => root !== undefined))) {
      return `expected the databases of a journal, got ${names.join(', ')}`;
    }
    for (const database of databases) checkTree(file, meta, database);
    return undefined;
  } catch (error) {
    if (error instanceof DamagedPage) return error.message;
    throw error;
  }
}

function checkTree(file: number, meta: Meta, tree: Tree): void {
  walk(file, meta, tree, () => {});
}

function walk(file: number, meta: Meta, tree: Tree, onTrees: (trees: readonly (Tree & { name: string })[]) => void): void {
  if (tree.root === undefined) return;
  const pages: { number: number; depth: number }[] = [{ number: tree.root, depth: 1 }];
  for (let next = pages.pop(); next; next = pages.pop()) {
    const { number, depth } = next;
    const page = readPage(file, meta, number);
    if ((page.kind === 'leaf') !== (depth === tree.depth)) throw new DamagedPage(`page ${number} is at the wrong depth`);
    if (page.kind === 'leaf') onTrees(page.trees);
    else for (const child of page.children) pages.push({ number: child, depth: depth + 1 });
  }
}

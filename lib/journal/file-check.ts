import { closeSync, existsSync, openSync } from 'node:fs';

import { decodeState } from './journal-state.ts';
import {
  checkOverflow,
  childOf,
  DamagedFile,
  entryAt,
  keyAt,
  keyEnd,
  overflowOf,
  readMeta,
  readNumber,
  readOverflow,
  readTreePage,
  treeOf,
  valueOf,
  type Meta,
  type Tree,
  type TreePage,
} from './lmdb-file.ts';

/** While another process writes, pages change under the check; then it is repeated. */
const MAX_TRIES = 5;

/** What the journal keeps in its file. One that was killed while it was made has some of them, all empty. */
const DATABASES = ['records', 'ids', 'id-order', 'damaged', 'meta'];

/** They may have 10 million entries each, and a key that is out of order in a page costs no more than one identity. */
const MANY: ReadonlySet<string> = new Set(['ids', 'id-order']);

/** Page numbers in a list of free pages. */
const PAGE_NUMBER_BYTES = 8;

/** 16 GB in one piece. */
const MAX_BLOCK = 2 ** 22;

/**
 * Looks at every page of every tree of a journal's file before LMDB maps it: whether each is what the one above says, whether its entries lie
 * in it and in order, whether every page of the file is either in one tree once or free. What passes cannot crash the process; a byte changed in
 * a record is not seen here, and is what its checksum is for.
 * @param isStoppedCleanly the identities are passed over, which are by far the most: half a second for a million. Where they are damaged the
 *   process may crash, and then they are looked at
 * @returns why it cannot be used; undefined where it can, or is not there
 */
export function findDamage(dataPath: string, isStoppedCleanly = false): string | undefined {
  if (!existsSync(dataPath)) return undefined;
  const file = openSync(dataPath, 'r');
  try {
    for (let tries = 1; ; tries += 1) {
      const before = transactionOf(file);
      const damage = damageOf(file, isStoppedCleanly);
      if (damage === undefined || tries === MAX_TRIES || transactionOf(file) === before) return damage;
    }
  } finally {
    closeSync(file);
  }
}

function transactionOf(file: number): number | undefined {
  try {
    return readMeta(file).transaction;
  } catch {
    return undefined;
  }
}

function damageOf(file: number, isStoppedCleanly: boolean): string | undefined {
  try {
    checkFile(file, isStoppedCleanly);
    return undefined;
  } catch (error) {
    if (error instanceof DamagedFile) return error.message;
    throw error;
  }
}

function checkFile(file: number, isStoppedCleanly: boolean): void {
  const meta = readMeta(file);
  const seen = new PageSet(meta.lastPage);
  const free: number[] = [];
  walk({ file, meta, seen, compare: compareTransactions, isEachKeyCompared: true }, meta.free, (bytes, at) => {
    const overflow = overflowOf(bytes, at);
    readFreePages(overflow ? readOverflow(file, meta, overflow) : valueOf(bytes, at), free);
  });
  const databases: { name: string; tree: Tree }[] = [];
  walk({ file, meta, seen, compare: compareBytes, isEachKeyCompared: true }, meta.main, (bytes, at) => {
    const tree = treeOf(bytes, at);
    if (!tree) throw new DamagedFile('an entry of the roots is not a database');
    databases.push({ name: bytes.toString('latin1', keyAt(at), keyEnd(bytes, at)).replace(/\0+$/, ''), tree });
  });
  const strange = databases.find(({ name, tree }) => !DATABASES.includes(name) || tree.flags !== 0);
  const isUnfinished = databases.length < DATABASES.length && databases.some(({ tree }) => tree.entries > 0);
  if (strange || isUnfinished) {
    throw new DamagedFile(`expected the databases of a journal, got ${databases.map(({ name }) => name).join(', ')}`);
  }
  for (const { name, tree } of databases) {
    if (isStoppedCleanly && MANY.has(name)) continue;
    const onEntry = name === 'meta' ? checkState : undefined;
    walk({ file, meta, seen, compare: compareBytes, isEachKeyCompared: !MANY.has(name) }, tree, onEntry);
  }
  for (const page of free) seen.add(page);
  if (!isStoppedCleanly && seen.size !== meta.lastPage - 1)
    throw new DamagedFile(`${meta.lastPage - 1 - seen.size} pages are neither in a tree nor free`);
}

/** The one entry of `meta`: without it no number can be given. */
function checkState(bytes: Buffer, at: number): void {
  if (!decodeState(valueOf(bytes, at))) throw new DamagedFile('the state of the journal does not fit its checksum');
}

type CompareKeys = (left: Buffer, leftAt: number, right: Buffer, rightAt: number) => number;

interface Walk {
  readonly file: number;
  readonly meta: Meta;
  readonly seen: PageSet;
  readonly compare: CompareKeys;
  /** Else only from page to page. */
  readonly isEachKeyCompared: boolean;
}

function walk(
  { file, meta, seen, compare, isEachKeyCompared }: Walk,
  tree: Tree,
  onEntry: ((bytes: Buffer, at: number) => void) | undefined,
): void {
  let pages = 0;
  let entries = 0;
  let lastBytes: Buffer | undefined;
  let lastAt = 0;

  function visit(number: number, depth: number): void {
    seen.add(number);
    pages += 1;
    const page = readTreePage(file, meta, number);
    if (page.isBranch === (depth === tree.depth)) throw new DamagedFile(`page ${number} is at the wrong depth`);
    if (page.isBranch) visitBelow(page, number, depth);
    else visitEntries(page, number);
  }

  function visitBelow({ bytes, entries: children }: TreePage, number: number, depth: number): void {
    for (let index = 0; index < children; index += 1) {
      const at = entryAt(bytes, index);
      // The first key of a branch stands for everything below the second.
      if (index > 0 && lastBytes && compare(lastBytes, lastAt, bytes, at) >= 0) throw new DamagedFile(`page ${number} parts wrongly`);
      visit(childOf(bytes, at), depth + 1);
    }
  }

  function visitEntries({ bytes, entries: count }: TreePage, number: number): void {
    for (let index = 0; index < count; index += 1) {
      const at = entryAt(bytes, index);
      if ((index === 0 || isEachKeyCompared) && lastBytes && compare(lastBytes, lastAt, bytes, at) >= 0) {
        throw new DamagedFile(`page ${number} is not in order`);
      }
      lastBytes = bytes;
      lastAt = at;
      const overflow = overflowOf(bytes, at);
      if (overflow) {
        checkOverflow(file, meta, overflow);
        for (let below = 0; below < overflow.count; below += 1) seen.add(overflow.first + below);
        pages += overflow.count;
      }
      onEntry?.(bytes, at);
    }
    entries += count;
  }

  if (tree.root !== undefined) visit(tree.root, 1);
  if (pages !== tree.pages || entries !== tree.entries) throw new DamagedFile(`a tree has ${entries} entries instead of ${tree.entries}`);
}

/**
 * A list of free pages: how many entries, then those. One that is 0 is a gap, a negative one the length of a block whose first page comes next
 * (the library's own form of LMDB's lists).
 */
function readFreePages(value: Buffer, free: number[]): void {
  const count = readNumber(value, 0);
  if (value.length < (count + 1) * PAGE_NUMBER_BYTES) throw new DamagedFile('a list of free pages is cut off');
  let block = 1;
  for (let at = 1; at <= count; at += 1) {
    const entry = Number(value.readBigInt64LE(at * PAGE_NUMBER_BYTES));
    if (entry < 0) block = -entry;
    if (entry <= 0) continue;
    // More than a file can have is stopped where a page is seen twice or lies outside.
    for (let page = entry; page < entry + Math.min(block, MAX_BLOCK); page += 1) free.push(page);
    block = 1;
  }
}

function compareBytes(left: Buffer, leftAt: number, right: Buffer, rightAt: number): number {
  return left.compare(right, keyAt(rightAt), keyEnd(right, rightAt), keyAt(leftAt), keyEnd(left, leftAt));
}

function compareTransactions(left: Buffer, leftAt: number, right: Buffer, rightAt: number): number {
  if (keyEnd(left, leftAt) - keyAt(leftAt) !== PAGE_NUMBER_BYTES || keyEnd(right, rightAt) - keyAt(rightAt) !== PAGE_NUMBER_BYTES) {
    throw new DamagedFile('a list of free pages has no transaction');
  }
  return readNumber(left, keyAt(leftAt)) - readNumber(right, keyAt(rightAt));
}

/** One bit per page. */
class PageSet {
  readonly #bits: Uint8Array;
  readonly #lastPage: number;
  size = 0;

  constructor(lastPage: number) {
    // 32 GB of journal have a megabyte of bits; what claims more than 16 TB is no journal.
    if (lastPage < 1 || lastPage > 2 ** 32) throw new DamagedFile(`the file claims to have ${lastPage} pages`);
    this.#lastPage = lastPage;
    this.#bits = new Uint8Array(Math.ceil((lastPage + 1) / 8));
  }

  /** @throws DamagedFile where it was seen before, or is not a page */
  add(page: number): void {
    if (page < 2 || page > this.#lastPage || !Number.isInteger(page)) throw new DamagedFile(`page ${page} is not in the file`);
    const mask = 1 << (page & 7);
    if ((this.#bits[page >> 3]! & mask) !== 0) throw new DamagedFile(`page ${page} is used twice`);
    this.#bits[page >> 3]! |= mask;
    this.size += 1;
  }
}

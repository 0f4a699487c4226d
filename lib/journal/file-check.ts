import { closeSync, existsSync, openSync } from 'node:fs';

import {
  checkOverflow,
  DamagedFile,
  readMeta,
  readNumber,
  readOverflow,
  readTreePage,
  type Meta,
  type Node,
  type Tree,
  type TreePage,
} from './lmdb-file.ts';

/** While another process writes, pages change under the check; then it is repeated. */
const MAX_TRIES = 5;

/** What the journal keeps in its file. One that was killed while it was made has some of them, all empty. */
const DATABASES = ['records', 'ids', 'id-order', 'damaged', 'meta'];

/** Page numbers in a list of free pages. */
const PAGE_NUMBER_BYTES = 8;

/** 16 GB in one piece. */
const MAX_BLOCK = 2 ** 22;

/**
 * Looks at every page of every tree of a journal's file before LMDB maps it: whether each is what the one above says, whether its entries lie
 * in it and in order, whether every page of the file is either in one tree once or free. What passes cannot crash the process; a byte changed in
 * a value is not seen here, and is what the records' checksums are for.
 * @returns why it cannot be used; undefined where it can, or is not there
 */
export function findDamage(dataPath: string): string | undefined {
  if (!existsSync(dataPath)) return undefined;
  const file = openSync(dataPath, 'r');
  try {
    for (let tries = 1; ; tries += 1) {
      const before = transactionOf(file);
      const damage = damageOf(file);
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

function damageOf(file: number): string | undefined {
  try {
    checkFile(file);
    return undefined;
  } catch (error) {
    if (error instanceof DamagedFile) return error.message;
    throw error;
  }
}

function checkFile(file: number): void {
  const meta = readMeta(file);
  const seen = new PageSet(meta.lastPage);
  const free: number[] = [];
  walk(file, meta, meta.free, seen, compareTransactions, (page, node) => {
    const value = node.overflow ? readOverflow(file, meta, node.overflow) : page.bytes.subarray(node.keyEnd, node.valueEnd);
    readFreePages(value, free);
  });
  const databases: { name: string; tree: Tree }[] = [];
  walk(file, meta, meta.main, seen, compareBytes, ({ bytes }, { tree, keyAt, keyEnd }) => {
    if (!tree) throw new DamagedFile('an entry of the roots is not a database');
    databases.push({ name: bytes.toString('latin1', keyAt, keyEnd).replace(/\0+$/, ''), tree });
  });
  const strange = databases.find(({ name, tree }) => !DATABASES.includes(name) || tree.flags !== 0);
  const isUnfinished = databases.length < DATABASES.length && databases.some(({ tree }) => tree.entries > 0);
  if (strange || isUnfinished) {
    throw new DamagedFile(`expected the databases of a journal, got ${databases.map(({ name }) => name).join(', ')}`);
  }
  for (const { tree } of databases) walk(file, meta, tree, seen, compareBytes, () => {});
  for (const page of free) seen.add(page);
  if (seen.size !== meta.lastPage - 1) throw new DamagedFile(`${meta.lastPage - 1 - seen.size} pages are neither in a tree nor free`);
}

type CompareKeys = (left: Buffer, leftNode: Node, right: Buffer, rightNode: Node) => number;

function walk(
  file: number,
  meta: Meta,
  tree: Tree,
  seen: PageSet,
  compare: CompareKeys,
  onEntry: (page: TreePage, node: Node) => void,
): void {
  let pages = 0;
  let entries = 0;
  let last: { page: TreePage; node: Node } | undefined;

  function visit(number: number, depth: number): void {
    seen.add(number);
    pages += 1;
    const page = readTreePage(file, meta, number);
    if (page.isBranch === (depth === tree.depth)) throw new DamagedFile(`page ${number} is at the wrong depth`);
    page.nodes.forEach((node, index) => {
      if (page.isBranch) {
        // The first key of a branch stands for everything below the second.
        if (index > 1 && compare(page.bytes, page.nodes[index - 1]!, page.bytes, node) >= 0)
          throw new DamagedFile(`page ${number} is not in order`);
        if (index > 0 && last && compare(last.page.bytes, last.node, page.bytes, node) >= 0)
          throw new DamagedFile(`page ${number} parts wrongly`);
        visit(node.child, depth + 1);
        return;
      }
      if (last && compare(last.page.bytes, last.node, page.bytes, node) >= 0) throw new DamagedFile(`page ${number} is not in order`);
      last = { page, node };
      entries += 1;
      if (node.overflow) {
        checkOverflow(file, meta, node.overflow);
        for (let at = 0; at < node.overflow.count; at += 1) seen.add(node.overflow.first + at);
        pages += node.overflow.count;
      }
      onEntry(page, node);
    });
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

function compareBytes(left: Buffer, leftNode: Node, right: Buffer, rightNode: Node): number {
  return left.compare(right, rightNode.keyAt, rightNode.keyEnd, leftNode.keyAt, leftNode.keyEnd);
}

function compareTransactions(left: Buffer, leftNode: Node, right: Buffer, rightNode: Node): number {
  if (leftNode.keyEnd - leftNode.keyAt !== PAGE_NUMBER_BYTES || rightNode.keyEnd - rightNode.keyAt !== PAGE_NUMBER_BYTES) {
    throw new DamagedFile('a list of free pages has no transaction');
  }
  return readNumber(left, leftNode.keyAt) - readNumber(right, rightNode.keyAt);
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

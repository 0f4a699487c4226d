import { readSync } from 'node:fs';

/**
 * The format of LMDB's file, as far as a check of it needs it: MDB_meta, MDB_page, MDB_node and MDB_db of mdb.c (LMDB 1.0 as the `lmdb`
 * package builds it, data version 2), little-endian, 64 bits. It is read with plain reads: a damaged file that is mapped kills the process
 * (SIGBUS beyond its end, wild pointers within).
 */
const MAGIC = 0xbeef_c0de;
const DATA_VERSION = 2;

export const PAGE_HEADER_BYTES = 24;
const META_AT = PAGE_HEADER_BYTES;
const META_BYTES = 136;
const TREE_BYTES = 48;
const NODE_HEADER_BYTES = 8;
/** Number of the page, of its transaction, of pages. */
const OVERFLOW_REFERENCE_BYTES = 24;

const P_BRANCH = 0x01;
const P_LEAF = 0x02;
const P_OVERFLOW = 0x04;
const P_META = 0x08;

const F_BIGDATA = 0x01;
const F_SUBDATA = 0x02;

/** The keys of the tree of free pages are numbers of transactions; no journal has another kind of tree. */
const FREE_TREE_FLAGS = 0x08;

const NO_PAGE = 0xffff_ffff_ffff_ffffn;

export interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly pages: number;
  readonly entries: number;
  readonly root: number | undefined;
}

export interface Meta {
  readonly pageBytes: number;
  readonly mapBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  /** The pages that are free. */
  readonly free: Tree;
  /** The names of the databases. */
  readonly main: Tree;
}

/** A page of a tree; its entries are read with the functions below, because a journal may have 20 million. */
export interface TreePage {
  readonly bytes: Buffer;
  readonly isBranch: boolean;
  readonly entries: number;
}

/** Pages that hold one long value. */
export interface Overflow {
  readonly first: number;
  readonly count: number;
}

/** Something in the file is not what it has to be. */
export class DamagedFile extends Error {}

/** @throws DamagedFile where the two pages of roots are not those of a file that was written to the end */
export function readMeta(file: number): Meta {
  // Whichever page size it has, the first one stands at the beginning.
  const first = parseMeta(readAt(file, 0, META_AT + META_BYTES), 0);
  const second = parseMeta(readAt(file, first.pageBytes, META_AT + META_BYTES), 1);
  // Transactions write them in turn, the even ones the first.
  if (Math.abs(first.transaction - second.transaction) > 1) throw new DamagedFile('the two pages of roots do not follow each other');
  return second.transaction > first.transaction ? second : first;
}

function parseMeta(bytes: Buffer, page: number): Meta {
  const isWhole = bytes.length === META_AT + META_BYTES && bytes.readUInt16LE(18) === P_META;
  if (!isWhole || bytes.readUInt32LE(META_AT) !== MAGIC || bytes.readUInt32LE(META_AT + 4) !== DATA_VERSION) {
    throw new DamagedFile(`the ${page === 0 ? 'first' : 'second'} page of roots is not one`);
  }
  const pageBytes = bytes.readUInt32LE(META_AT + 24);
  const transaction = readNumber(bytes, META_AT + 128);
  const free = parseTree(bytes, META_AT + 24);
  const isPageSize = pageBytes >= 512 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0;
  const isInTurn = transaction % 2 === page || transaction === 0;
  if (!isPageSize || !isInTurn || free.flags !== FREE_TREE_FLAGS || bytes.readBigUInt64LE(META_AT + 8) !== 0n) {
    throw new DamagedFile(`the ${page === 0 ? 'first' : 'second'} page of roots has impossible values`);
  }
  const main = parseTree(bytes, META_AT + 24 + TREE_BYTES);
  return { pageBytes, transaction, free, main, mapBytes: readNumber(bytes, META_AT + 16), lastPage: readNumber(bytes, META_AT + 120) };
}

function parseTree(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    pages: readNumber(bytes, at + 8) + readNumber(bytes, at + 16) + readNumber(bytes, at + 24),
    entries: readNumber(bytes, at + 32),
    root: root === NO_PAGE ? undefined : Number(root),
  };
}

/** @throws DamagedFile where it cannot be a page of a tree */
export function readTreePage(file: number, meta: Meta, number: number): TreePage {
  const bytes = readAt(file, number * meta.pageBytes, meta.pageBytes);
  if (number < 2 || number > meta.lastPage || bytes.length < meta.pageBytes) throw new DamagedFile(`page ${number} is not in the file`);
  if (readNumber(bytes, 0) !== number) throw new DamagedFile(`page ${number} says that it is another`);
  if (readNumber(bytes, 8) > meta.transaction) throw new DamagedFile(`page ${number} is of a transaction that was not yet`);
  const flags = bytes.readUInt16LE(18);
  if (flags !== P_BRANCH && flags !== P_LEAF) throw new DamagedFile(`page ${number} is neither branch nor leaf`);
  // Bounds and places within a page are counted from behind its header.
  const lower = bytes.readUInt16LE(20) + PAGE_HEADER_BYTES;
  const upper = bytes.readUInt16LE(22) + PAGE_HEADER_BYTES;
  const count = (lower - PAGE_HEADER_BYTES) / 2;
  const isBranch = flags === P_BRANCH;
  if (lower > upper || upper > meta.pageBytes || !Number.isInteger(count) || count < (isBranch ? 2 : 1)) {
    throw new DamagedFile(`page ${number} has impossible bounds`);
  }
  let used = 0;
  for (let index = 0; index < count; index += 1) {
    const at = entryAt(bytes, index);
    const end = at < upper || at + NODE_HEADER_BYTES > meta.pageBytes ? Infinity : entryEnd(bytes, at, isBranch);
    if (end > meta.pageBytes) throw new DamagedFile(`page ${number} has an impossible entry`);
    used += (end - at + 1) & ~1;
  }
  // They fill the page from its end without gaps: so none lies upon another.
  if (used !== meta.pageBytes - upper) throw new DamagedFile(`the entries of page ${number} do not fill it`);
  return { bytes, isBranch, entries: count };
}

export function entryAt(bytes: Buffer, index: number): number {
  return bytes.readUInt16LE(PAGE_HEADER_BYTES + index * 2) + PAGE_HEADER_BYTES;
}

export function keyAt(at: number): number {
  return at + NODE_HEADER_BYTES;
}

export function keyEnd(bytes: Buffer, at: number): number {
  return at + NODE_HEADER_BYTES + bytes.readUInt16LE(at + 6);
}

/** Where the entry ends; infinite where it cannot be one. */
function entryEnd(bytes: Buffer, at: number, isBranch: boolean): number {
  const end = keyEnd(bytes, at);
  if (isBranch) return end;
  const flags = bytes.readUInt16LE(at + 4);
  const length = bytes.readUInt32LE(at);
  if (flags === 0 || (flags === F_SUBDATA && length === TREE_BYTES)) return end + length;
  return flags === F_BIGDATA ? end + OVERFLOW_REFERENCE_BYTES : Infinity;
}

/** Of an entry of a branch: the page below. */
export function childOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 2 ** 32;
}

/** Of an entry of a leaf: where its value lies, where that is not in the page. @throws DamagedFile where that cannot be */
export function overflowOf(bytes: Buffer, at: number): Overflow | undefined {
  if (bytes.readUInt16LE(at + 4) !== F_BIGDATA) return undefined;
  const reference = keyEnd(bytes, at);
  const first = readNumber(bytes, reference);
  const count = Math.ceil((bytes.readUInt32LE(at) + PAGE_HEADER_BYTES) / bytes.length);
  if (readNumber(bytes, reference + 16) !== count) throw new DamagedFile(`page ${first} is said to be of another length`);
  return { first, count };
}

/** Of an entry of a leaf: the database that it describes, if it does. */
export function treeOf(bytes: Buffer, at: number): Tree | undefined {
  return bytes.readUInt16LE(at + 4) === F_SUBDATA ? parseTree(bytes, keyEnd(bytes, at)) : undefined;
}

/** Of an entry of a leaf: its value, where it lies in the page. */
export function valueOf(bytes: Buffer, at: number): Buffer {
  const start = keyEnd(bytes, at);
  return bytes.subarray(start, start + bytes.readUInt32LE(at));
}

/** @throws DamagedFile where these pages do not hold a long value */
export function checkOverflow(file: number, meta: Meta, { first, count }: Overflow): void {
  const header = readAt(file, first * meta.pageBytes, PAGE_HEADER_BYTES);
  const isWhole =
    first >= 2 &&
    first + count - 1 <= meta.lastPage &&
    header.length === PAGE_HEADER_BYTES &&
    readNumber(header, 0) === first &&
    readNumber(header, 8) <= meta.transaction &&
    header.readUInt16LE(18) === P_OVERFLOW &&
    header.readUInt32LE(20) === count;
  if (!isWhole) throw new DamagedFile(`page ${first} does not begin a value of ${count} pages`);
  if (readAt(file, (first + count) * meta.pageBytes - 1, 1).length === 0)
    throw new DamagedFile(`page ${first} goes on behind the end of the file`);
}

/** The bytes of a long value. */
export function readOverflow(file: number, meta: Meta, { first, count }: Overflow): Buffer {
  return readAt(file, first * meta.pageBytes + PAGE_HEADER_BYTES, count * meta.pageBytes - PAGE_HEADER_BYTES);
}

/** Beyond 2^53 a number is wrong in any case, and as a double it stays too large. */
export function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

export function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, Number.isSafeInteger(position) ? readSync(file, bytes, 0, length, position) : 0);
}

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
const META_BYTES = 144;
const DB_BYTES = 48;
const NODE_HEADER_BYTES = 8;

const P_BRANCH = 0x01;
const P_LEAF = 0x02;
const P_OVERFLOW = 0x04;
const P_META = 0x08;

const F_BIGDATA = 0x01;
const F_SUBDATA = 0x02;

const NO_PAGE = 0xffff_ffff_ffff_ffffn;

export interface Tree {
  readonly root: number | undefined;
  readonly depth: number;
}

export interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  /** The pages that are free. */
  readonly free: Tree;
  /** The names of the databases. */
  readonly main: Tree;
}

/** What a page of a tree has. */
export type PageContent =
  | { readonly kind: 'branch'; readonly children: readonly number[] }
  | { readonly kind: 'leaf'; readonly entries: number; readonly overflows: readonly number[]; readonly trees: readonly NamedTree[] };

export interface NamedTree extends Tree {
  readonly name: string;
}

/** A page that is not what the one above says. */
export class DamagedPage extends Error {}

/** The later of the two readable pages of roots; undefined where none is readable. */
export function readMeta(file: number): Meta | undefined {
  // Whichever page size it has, the first one stands at the beginning. Without it the usual size is tried.
  const first = parseMeta(readAt(file, 0, META_AT + META_BYTES));
  const second = parseMeta(readAt(file, first?.pageBytes ?? 4_096, META_AT + META_BYTES));
  if (!first || !second) return first ?? second;
  return second.transaction > first.transaction ? second : first;
}

function parseMeta(bytes: Buffer): Meta | undefined {
  if (bytes.length < META_AT + META_BYTES || (bytes.readUInt16LE(18) & P_META) === 0) return undefined;
  if (bytes.readUInt32LE(META_AT) !== MAGIC || (bytes.readUInt32LE(META_AT + 4) & 0xff) !== DATA_VERSION) return undefined;
  const pageBytes = bytes.readUInt32LE(META_AT + 24);
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) return undefined;
  return {
    pageBytes,
    lastPage: Number(bytes.readBigUInt64LE(META_AT + 120)),
    transaction: bytes.readBigUInt64LE(META_AT + 128),
    free: parseTree(bytes, META_AT + 24),
    main: parseTree(bytes, META_AT + 24 + DB_BYTES),
  };
}

function parseTree(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return { root: root === NO_PAGE ? undefined : Number(root), depth: bytes.readUInt16LE(at + 6) };
}

/** @throws DamagedPage where it cannot be a page of a tree */
export function readPage(file: number, meta: Meta, number: number): PageContent {
  const page = readWhole(file, meta, number);
  const flags = page.readUInt16LE(18);
  // Bounds and places within a page are counted from behind its header.
  const lower = page.readUInt16LE(20) + PAGE_HEADER_BYTES;
  const upper = page.readUInt16LE(22) + PAGE_HEADER_BYTES;
  const isBranch = (flags & P_BRANCH) !== 0;
  if (isBranch === ((flags & P_LEAF) !== 0)) throw new DamagedPage(`page ${number} is neither branch nor leaf`);
  if (lower < PAGE_HEADER_BYTES || lower > upper || upper > meta.pageBytes) throw new DamagedPage(`page ${number} has impossible bounds`);
  const nodes = (lower - PAGE_HEADER_BYTES) / 2;
  if (isBranch && nodes === 0) throw new DamagedPage(`page ${number} is a branch without children`);
  const children: number[] = [];
  const overflows: number[] = [];
  const trees: NamedTree[] = [];
  for (let index = 0; index < nodes; index += 1) {
    const at = page.readUInt16LE(PAGE_HEADER_BYTES + index * 2) + PAGE_HEADER_BYTES;
    const end = at + NODE_HEADER_BYTES;
    if (at < upper || end > meta.pageBytes) throw new DamagedPage(`page ${number} has a node outside of it`);
    const nodeFlags = page.readUInt16LE(at + 4);
    const keyEnd = end + page.readUInt16LE(at + 6);
    if (keyEnd > meta.pageBytes) throw new DamagedPage(`page ${number} has a key outside of it`);
    if (isBranch) {
      children.push(page.readUInt32LE(at) + nodeFlags * 2 ** 32);
      continue;
    }
    const length = page.readUInt32LE(at);
    const isBig = (nodeFlags & F_BIGDATA) !== 0;
    if (keyEnd + (isBig ? 24 : length) > meta.pageBytes) throw new DamagedPage(`page ${number} has a value outside of it`);
    if (isBig) {
      const overflow = Number(page.readBigUInt64LE(keyEnd));
      checkOverflow(file, meta, overflow, length);
      overflows.push(overflow);
    }
    if ((nodeFlags & F_SUBDATA) !== 0) {
      if (length !== DB_BYTES) throw new DamagedPage(`page ${number} has a database without a description`);
      trees.push({ name: page.toString('latin1', end, keyEnd).replace(/\0+$/, ''), ...parseTree(page, keyEnd) });
    }
  }
  return isBranch ? { kind: 'branch', children } : { kind: 'leaf', entries: nodes, overflows, trees };
}

function checkOverflow(file: number, meta: Meta, number: number, length: number): void {
  const header = readAt(file, number * meta.pageBytes, PAGE_HEADER_BYTES);
  if (header.length < PAGE_HEADER_BYTES || Number(header.readBigUInt64LE(0)) !== number || (header.readUInt16LE(18) & P_OVERFLOW) === 0) {
    throw new DamagedPage(`page ${number} should hold a long value`);
  }
  const pages = header.readUInt32LE(20);
  if (number + pages - 1 > meta.lastPage || pages * meta.pageBytes < length + PAGE_HEADER_BYTES) {
    throw new DamagedPage(`page ${number} is too short for its value`);
  }
  const last = readAt(file, (number + pages) * meta.pageBytes - 1, 1);
  if (last.length === 0) throw new DamagedPage(`page ${number} goes on behind the end of the file`);
}

function readWhole(file: number, meta: Meta, number: number): Buffer {
  if (number < 2 || number > meta.lastPage) throw new DamagedPage(`page ${number} is named, the file has ${meta.lastPage}`);
  const page = readAt(file, number * meta.pageBytes, meta.pageBytes);
  if (page.length < meta.pageBytes) throw new DamagedPage(`page ${number} is behind the end of the file`);
  if (Number(page.readBigUInt64LE(0)) !== number) throw new DamagedPage(`page ${number} says that it is another`);
  return page;
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const read = readSync(file, bytes, 0, length, position);
  return bytes.subarray(0, read);
}

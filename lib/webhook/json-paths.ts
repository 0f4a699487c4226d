/**
 * The places of a body that a source asks for, as a tree: `data.id` and `data.type` meet in `data`. What is found is kept by
 * the number of the path.
 */
export interface JsonPaths {
  readonly root: PathNode;
  readonly paths: readonly string[];
}

export interface PathNode {
  readonly name: Uint8Array;
  /** The name where it is an item's number, else -1. */
  readonly index: number;
  /** The path that ends here, or -1. */
  readonly path: number;
  readonly children: readonly PathNode[];
  /** All paths that end here or below. */
  readonly covers: readonly number[];
}

/** Repeated paths count once. */
export function compilePaths(paths: Iterable<string>): JsonPaths {
  const unique = [...new Set(paths)];
  const split = unique.map((path, number) => ({ names: path.split('.'), number }));
  return { root: nodeOf('', split, 0), paths: unique };
}

interface Numbered {
  readonly names: readonly string[];
  readonly number: number;
}

function nodeOf(name: string, all: readonly Numbered[], depth: number): PathNode {
  const groups = Map.groupBy(
    all.filter(({ names }) => names.length > depth),
    ({ names }) => names[depth] ?? '',
  );
  return {
    name: Buffer.from(name),
    index: /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : -1,
    path: all.find(({ names }) => names.length === depth)?.number ?? -1,
    children: [...groups].map(([next, below]) => nodeOf(next, below, depth + 1)),
    covers: all.map(({ number }) => number),
  };
}

/** What leads on from an object by a member's name, given as the bytes between its quotes. */
export function childNamed(node: PathNode, bytes: Uint8Array, start: number, end: number): PathNode | undefined {
  const { children } = node;
  // An escape may spell any name; it is rare enough to be read properly.
  for (let at = start; at < end; at += 1) if (bytes[at] === 0x5c) return childSpelt(node, bytes, start, end);
  for (let number = 0; number < children.length; number += 1) {
    const child = children[number]!;
    const { name } = child;
    if (name.length !== end - start) continue;
    let at = 0;
    while (at < name.length && name[at] === bytes[start + at]) at += 1;
    if (at === name.length) return child;
  }
  return undefined;
}

function childSpelt(node: PathNode, bytes: Uint8Array, start: number, end: number): PathNode | undefined {
  const name = Buffer.from(readText(bytes, start - 1, end + 1));
  return node.children.find((child) => name.equals(child.name));
}

/** The text of a string, given with its quotes. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')) as string;
}

/** What leads on from an array by an item's number. */
export function childAt(node: PathNode, index: number): PathNode | undefined {
  return node.children.find((child) => child.index === index);
}

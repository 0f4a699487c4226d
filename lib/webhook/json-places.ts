import { childAt, childNamed } from './json-paths.ts';
import type { JsonPaths, PathNode } from './json-paths.ts';

/**
 * Where a scan stands among the places that are asked for. The scanner tells of every step that it takes in the container at
 * `depth`; containers that lead nowhere are not entered, and nothing in them is told.
 */
export class JsonPlaces {
  /** The level of the innermost container that leads on; 0: only the document itself. */
  depth = 0;
  /** By the number of the path; 0 and 0: nothing. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #bytes: Uint8Array;
  /** Of the value that comes next; undefined: nothing in it is asked for. */
  #next: PathNode | undefined;
  #container: PathNode;
  /** Of the item that comes next, where the container is an array. */
  #index = 0;
  /** The containers around, and their indexes. */
  readonly #around: PathNode[] = [];
  readonly #indexes: number[] = [];

  constructor(bytes: Uint8Array, { root, paths }: JsonPaths) {
    this.#bytes = bytes;
    this.#next = root;
    this.#container = root;
    this.starts = new Int32Array(paths.length);
    this.ends = new Int32Array(paths.length);
  }

  enter(isArray: boolean): void {
    if (this.#next === undefined || this.#next.children.length === 0) return;
    this.#around.push(this.#container);
    this.#indexes.push(this.#index);
    this.#container = this.#next;
    this.#index = 0;
    this.#next = isArray ? childAt(this.#container, 0) : undefined;
    this.depth += 1;
  }

  leave(): void {
    this.#container = this.#around.pop() ?? this.#container;
    this.#index = this.#indexes.pop() ?? 0;
    this.#next = undefined;
    this.depth -= 1;
  }

  /** A member's name, given with its quotes. */
  member(start: number, end: number): void {
    const next = childNamed(this.#container, this.#bytes, start + 1, end - 1);
    this.#next = next;
    if (next === undefined) return;
    // A repeated name: what was found below the first one is gone with it.
    for (const path of next.covers) this.ends[path] = 0;
  }

  item(): void {
    this.#index += 1;
    this.#next = childAt(this.#container, this.#index);
  }

  scalar(start: number, end: number): void {
    const path = this.#next?.path ?? -1;
    if (path === -1) return;
    this.starts[path] = start;
    this.ends[path] = end;
  }
}

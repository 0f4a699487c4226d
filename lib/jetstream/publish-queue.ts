import { isBroken } from '../core/guards.ts';
/** What the queue has to know of a waiting message. */
export interface Queued {
  readonly key: string;
  readonly bytes: number;
  /** It must not travel in a batch: one with it was refused. */
  alone: boolean;
}

/**
 * The messages that wait for their turn, by key. Pure: no time, no broker.
 *
 * 1. What is taken of a key keeps the key busy until `release`; a busy key gives nothing. So no two messages of one key are
 *    ever unconfirmed at once outside one batch.
 * 2. A key's messages leave in the order of `add`; `putBack` returns taken ones to where they were.
 * 3. Keys take turns: one that has been served goes to the end.
 */
export class PublishQueue<Item extends Queued> {
  readonly #lines = new Map<string, Line<Item>>();
  /** Lines that may give to a batch, in turn; and those whose head has to go alone. */
  readonly #ready = new Set<Line<Item>>();
  readonly #alone = new Set<Line<Item>>();
  #batchable = 0;
  #size = 0;

  /** Messages that wait, busy keys' included. */
  get size(): number {
    return this.#size;
  }

  /** Messages of lines that a batch could take from now. */
  get batchable(): number {
    return this.#batchable;
  }

  add(item: Item): void {
    let line = this.#lines.get(item.key);
    if (line === undefined) this.#lines.set(item.key, (line = { items: [], busy: false }));
    line.items.push(item);
    this.#size += 1;
    if (this.#ready.has(line)) this.#batchable += 1;
    else this.#enlist(line);
  }

  /** The next message that may go alone; its key is busy from now on. */
  takeOne(): Item | undefined {
    for (const lines of [this.#alone, this.#ready]) {
      for (const line of lines) return this.#take(line, 1)[0];
    }
    return undefined;
  }

  /** Whether a message waits that must not travel in a batch. */
  hasAlone(): boolean {
    return this.#alone.size > 0;
  }

  /** Messages for one batch, each key's in order; their keys are busy from now on. */
  takeBatch(maxMessages: number, maxBytes: number): Item[] {
    const batch: Item[] = [];
    let bytes = 0;
    for (const line of this.#ready) {
      let count = 0;
      for (const item of line.items) {
        const isFull = batch.length + count >= maxMessages || bytes + item.bytes > maxBytes;
        if (item.alone || (isFull && batch.length + count > 0)) break;
        bytes += item.bytes;
        count += 1;
      }
      if (count === 0) break;
      batch.push(...this.#take(line, count));
    }
    return batch;
  }

  /** Returns what was taken together to the head of its keys, which are free again. */
  putBack(items: readonly Item[]): void {
    for (const item of items.toReversed()) {
      const line = this.#lines.get(item.key) ?? { items: [], busy: true };
      this.#lines.set(item.key, line);
      line.items.unshift(item);
      this.#size += 1;
    }
    this.release(items);
  }

  /** The fate of what was taken is known: its keys may go on. */
  release(items: readonly Item[]): void {
    for (const { key } of items) {
      const line = this.#lines.get(key);
      if (line === undefined || !line.busy) continue;
      line.busy = false;
      if (line.items.length === 0) this.#lines.delete(key);
      else this.#enlist(line);
    }
  }

  /** Takes a waiting message out; false where it is not waiting. */
  remove(item: Item): boolean {
    const line = this.#lines.get(item.key);
    const index = line?.items.indexOf(item) ?? -1;
    if (line === undefined || index < 0) return false;
    this.#delist(line);
    line.items.splice(index, 1);
    this.#size -= 1;
    if (line.items.length > 0) this.#enlist(line);
    else if (!line.busy) this.#lines.delete(item.key);
    return true;
  }

  /** Everything that waits. */
  all(): Item[] {
    return [...this.#lines.values()].flatMap((line) => line.items);
  }

  #take(line: Line<Item>, count: number): Item[] {
    this.#delist(line);
    line.busy = !isBroken('one-in-flight');
    this.#size -= count;
    return line.items.splice(0, count);
  }

  #enlist(line: Line<Item>): void {
    const [head] = line.items;
    if (line.busy || head === undefined || this.#alone.has(line)) return;
    if (head.alone) {
      this.#alone.add(line);
    } else {
      this.#ready.add(line);
      this.#batchable += line.items.length;
    }
  }

  #delist(line: Line<Item>): void {
    this.#alone.delete(line);
    if (this.#ready.delete(line)) this.#batchable -= line.items.length;
  }
}

interface Line<Item> {
  readonly items: Item[];
  busy: boolean;
}

import { isUtf8 } from 'node:buffer';
import { JsonFault } from './json-fault.ts';
import type { JsonPlace } from './json-fault.ts';
import { textOf } from './json-text.ts';
import { skipNumber, skipString, skipWord } from './json-token.ts';
import { utf8Prefix } from './utf8-prefix.ts';

/**
 * Reads JSON (RFC 8259) as bytes: it says whether all of it is well formed, and where its parts begin and end, down to the
 * level that is asked for. No value is built, so nothing is rounded, merged or lost, and a part can be handed on as the
 * bytes that came.
 */

/** Far deeper than any provider's payload, far below what makes a recursive reader run out of stack. */
export const MAX_JSON_DEPTH = 64;

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null';

/** A value between two offsets of the bytes. */
export interface JsonNode {
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
  /** Of an object, in its order, repeated names included; empty below the level that was asked for. */
  readonly members: readonly JsonMember[];
  /** Of an array; empty below the level that was asked for. */
  readonly items: readonly JsonNode[];
  /** The first place in it that names an object's prototype: harmless to bytes, a trap for whoever merges them later. */
  readonly prototype: JsonPlace | undefined;
}

export interface JsonMember {
  readonly name: string;
  readonly value: JsonNode;
}

/**
 * Scans a whole document in UTF-8; a byte order mark is passed over. `levels` says how deep members and items are listed:
 * 0 none, 1 those of the document, 2 also theirs. @throws JsonFault
 */
export function scanJson(bytes: Uint8Array, levels = 0): JsonNode {
  return new Scanner(bytes).document(levels);
}

const NONE: readonly never[] = [];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const WORDS = { true: Buffer.from('true'), false: Buffer.from('false'), null: Buffer.from('null') } as const;

class Scanner {
  readonly #bytes: Uint8Array;
  /** The same bytes. */
  readonly #words: DataView;
  #at = 0;
  #depth = 0;
  #prototype: JsonPlace | undefined;
  /** The way to where the scanner is: an item's number where the end is -1, else the bytes of a member's name. */
  readonly #from = new Int32Array(MAX_JSON_DEPTH + 1);
  readonly #to = new Int32Array(MAX_JSON_DEPTH + 1);

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  document(levels: number): JsonNode {
    const bytes = this.#bytes;
    if (!isUtf8(bytes)) throw notUtf8(bytes);
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3;
    this.#blank();
    const root = this.#value(levels);
    this.#blank();
    if (this.#at < bytes.length) throw this.#fault('expected the end');
    return root;
  }

  #value(levels: number): JsonNode {
    const start = this.#at;
    const outer = this.#prototype;
    // Only parts that are listed have a place of their own: asked for in each part below, a long name around them is read for each.
    if (levels >= 0) this.#prototype = undefined;
    let kind: JsonKind;
    let members: readonly JsonMember[] = NONE;
    let items: readonly JsonNode[] = NONE;
    switch (this.#bytes[start]) {
      case OPEN_BRACE:
        kind = 'object';
        members = this.#object(levels);
        break;
      case OPEN_BRACKET:
        kind = 'array';
        items = this.#array(levels);
        break;
      case QUOTE:
        kind = 'string';
        this.#string();
        break;
      case 0x74:
        kind = this.#word('true');
        break;
      case 0x66:
        kind = this.#word('false');
        break;
      case 0x6e:
        kind = this.#word('null');
        break;
      default:
        kind = 'number';
        this.#number();
    }
    const prototype = this.#prototype;
    this.#prototype = outer ?? prototype;
    return { kind, start, end: this.#at, members, items, prototype };
  }

  #object(levels: number): readonly JsonMember[] {
    const members: JsonMember[] = [];
    this.#enter();
    this.#blank();
    if (this.#bytes[this.#at] === CLOSE_BRACE) return this.#leave(members);
    for (;;) {
      const start = this.#at;
      this.#from[this.#depth] = start;
      this.#to[this.#depth] = start;
      if (this.#bytes[start] !== QUOTE) throw this.#fault('expected the name of a member');
      this.#string();
      const end = this.#at;
      this.#to[this.#depth] = end;
      this.#notePrototype(start, end);
      this.#blank();
      if (this.#bytes[this.#at] !== COLON) throw this.#fault('expected a colon');
      this.#at += 1;
      this.#blank();
      const value = this.#value(levels - 1);
      if (levels > 0) members.push({ name: textOf(this.#bytes, { start, end }), value });
      this.#blank();
      const next = this.#bytes[this.#at];
      if (next === CLOSE_BRACE) return this.#leave(members);
      if (next !== COMMA) throw this.#fault('expected a comma or the end of the object');
      this.#at += 1;
      this.#blank();
    }
  }

  #array(levels: number): readonly JsonNode[] {
    const items: JsonNode[] = [];
    this.#enter();
    this.#blank();
    if (this.#bytes[this.#at] === CLOSE_BRACKET) return this.#leave(items);
    for (let index = 0; ; index += 1) {
      this.#from[this.#depth] = index;
      this.#to[this.#depth] = -1;
      const item = this.#value(levels - 1);
      if (levels > 0) items.push(item);
      this.#blank();
      const next = this.#bytes[this.#at];
      if (next === CLOSE_BRACKET) return this.#leave(items);
      if (next !== COMMA) throw this.#fault('expected a comma or the end of the array');
      this.#at += 1;
      this.#blank();
    }
  }

  #enter(): void {
    if (this.#depth === MAX_JSON_DEPTH) throw this.#fault(`expected at most ${MAX_JSON_DEPTH} levels`, 'too_deep');
    this.#depth += 1;
    // Nothing is known of the first part yet: the pointer ends at the container.
    this.#from[this.#depth] = 0;
    this.#to[this.#depth] = 0;
    this.#at += 1;
  }

  #leave<Parts>(parts: Parts): Parts {
    this.#depth -= 1;
    this.#at += 1;
    return parts;
  }

  #string(): void {
    this.#skip(skipString(this.#bytes, this.#words, this.#at, this.#bytes.length), (byte) =>
      byte === undefined
        ? 'expected the end of the text'
        : byte < 0x20
          ? 'expected no control character in a text'
          : 'expected an escape that JSON knows',
    );
  }

  #word(word: keyof typeof WORDS): keyof typeof WORDS {
    this.#skip(skipWord(this.#bytes, this.#at, this.#bytes.length, WORDS[word]), () => 'expected a value');
    return word;
  }

  #number(): void {
    const start = this.#at;
    this.#skip(skipNumber(this.#bytes, start, this.#bytes.length), () => (this.#at === start ? 'expected a value' : 'expected a digit'));
  }

  /** Goes on behind a token, or to the byte of it that does not fit. */
  #skip(next: number, because: (byte: number | undefined) => string): void {
    this.#at = next < 0 ? -1 - next : next;
    if (next < 0) throw this.#fault(because(this.#bytes[this.#at]));
  }

  #blank(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at += 1;
    }
  }

  /** `{"__proto__": ...}` and `{"constructor": {"prototype": ...}}`, whatever escapes spell them. */
  #notePrototype(start: number, end: number): void {
    if (this.#prototype !== undefined || !this.#mayBePrototype(start, end)) return;
    const name = textOf(this.#bytes, { start, end });
    const isConstructors = name === 'prototype' && this.#depth > 1 && this.#nameAt(this.#depth - 1) === 'constructor';
    if (name === '__proto__' || isConstructors) this.#prototype = { pointer: this.#pointer(), offset: start };
  }

  /** Cheap: nearly every name ends here. `_` of `__proto__`, `p` of `prototype`, or an escape somewhere. */
  #mayBePrototype(start: number, end: number): boolean {
    const first = this.#bytes[start + 1];
    if (end - start === 11 && (first === 0x5f || first === 0x70)) return true;
    return end - start > 11 && this.#bytes.subarray(start, end).includes(BACKSLASH);
  }

  #nameAt(depth: number): string | undefined {
    const start = this.#from[depth] ?? 0;
    const end = this.#to[depth] ?? 0;
    return end > start ? textOf(this.#bytes, { start, end }) : undefined;
  }

  #pointer(): string {
    let pointer = '';
    for (let depth = 1; depth <= this.#depth; depth += 1) {
      const name = this.#to[depth] === -1 ? String(this.#from[depth]) : this.#nameAt(depth);
      if (name !== undefined) pointer += `/${name.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`;
    }
    return pointer;
  }

  #fault(because: string, code: JsonFault['code'] = 'invalid_json'): JsonFault {
    return new JsonFault(code, because, { pointer: this.#pointer(), offset: this.#at });
  }
}

/** What is before it is read to its place in the document; a fault in there comes first. */
function notUtf8(bytes: Uint8Array): JsonFault {
  const offset = utf8Prefix(bytes);
  try {
    scanJson(bytes.subarray(0, offset));
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    return error.place.offset < offset ? error : new JsonFault('invalid_json', 'expected UTF-8', { pointer: error.place.pointer, offset });
  }
  return new JsonFault('invalid_json', 'expected UTF-8', { pointer: '', offset });
}

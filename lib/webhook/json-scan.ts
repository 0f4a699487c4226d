import { isUtf8 } from 'node:buffer';
import { utf8Prefix } from '../core/utf8-prefix.ts';
import { readText } from './json-paths.ts';
import type { JsonPaths } from './json-paths.ts';
import { JsonPlaces } from './json-places.ts';
import { skipNumber, skipString, skipWord } from '../core/json-token.ts';

/**
 * Reads JSON (RFC 8259) as bytes, in one pass: whether all of it is well formed, and the few values that are asked for. It
 * builds nothing else and calls nothing recursively, so depth, the number of keys and their names cost nothing but bytes.
 * What it accepts is what `JSON.parse` accepts of the same text, a byte order mark in front passed over.
 */
export type JsonScan =
  | {
      readonly ok: true;
      /**
       * By the number of the path: a string's text, a number as it is written (a long id is not rounded), `true`, `false`.
       * Undefined where there is nothing, null, an object, an array or an empty string. Of repeated names the last one holds.
       */
      readonly texts: readonly (string | undefined)[];
    }
  /** `offset` is the byte from which on it does not fit; `because` quotes nothing of the body. */
  | { readonly ok: false; readonly offset: number; readonly because: string };

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const ARRAY = 0x5b;
const OBJECT = 0x7b;
const [TRUE, FALSE, NULL] = [Buffer.from('true'), Buffer.from('false'), Buffer.from('null')];

/** Levels of nearly every body; a deeper one gets room of its own. Shared, as a scan never waits for anything. */
const usualLevels = new Uint8Array(4_096);

export function scanJson(bytes: Uint8Array, paths: JsonPaths): JsonScan {
  const end = bytes.length;
  if (end === 0) return { ok: false, offset: 0, because: 'it is empty' };
  if (!isUtf8(bytes)) return { ok: false, offset: utf8Prefix(bytes), because: 'it is not UTF-8' };
  const places = new JsonPlaces(bytes, paths);
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const stop = walk(bytes, skipBlanks(bytes, isMarked ? 3 : 0, end), end, places);
  if (stop < 0) return { ok: false, offset: -1 - stop, because: stop === -1 - end ? 'it ends too early' : 'it is not JSON' };
  return { ok: true, texts: paths.paths.map((_, path) => textBetween(bytes, places.starts[path] ?? 0, places.ends[path] ?? 0)) };
}

/** One value from `start` on with the blanks behind it. Gives back where it ends, or `-1 - offset` of the byte that does not fit. */
function walk(bytes: Uint8Array, start: number, end: number, places: JsonPlaces): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, end);
  /** The opening bytes of the containers around. */
  let levels: Uint8Array = usualLevels;
  let depth = 0;
  let at = start;
  let isName = false;
  for (;;) {
    if (at >= end) return -1 - at;
    let byte = bytes[at]!;
    let next: number;
    if (isName) {
      if (byte !== QUOTE) return -1 - at;
      next = skipString(bytes, words, at, end);
      if (next < 0) return next;
      if (places.depth === depth) places.member(at, next);
      at = skipBlanks(bytes, next, end);
      if (at >= end || bytes[at] !== COLON) return -1 - at;
      at = skipBlanks(bytes, at + 1, end);
      if (at >= end) return -1 - at;
      byte = bytes[at]!;
      isName = false;
    }
    if (byte === QUOTE) next = skipString(bytes, words, at, end);
    else if (byte === OBJECT || byte === ARRAY) {
      if (places.depth === depth) places.enter(byte === ARRAY);
      if (depth === levels.length) levels = grown(levels);
      levels[depth] = byte;
      depth += 1;
      at = skipBlanks(bytes, at + 1, end);
      // `]` is two behind `[`, and `}` two behind `{`. An empty container ends below, as any.
      if (at >= end || bytes[at] !== byte + 2) {
        isName = byte === OBJECT;
        continue;
      }
      next = at;
    } else {
      if (byte === 0x74) next = skipWord(bytes, at, end, TRUE);
      else if (byte === 0x66) next = skipWord(bytes, at, end, FALSE);
      else if (byte === 0x6e) next = skipWord(bytes, at, end, NULL);
      else next = skipNumber(bytes, at, end);
    }
    if (next < 0) return next;
    if (next > at && places.depth === depth) places.scalar(at, next);
    at = skipBlanks(bytes, next, end);
    // Behind a value: ends of containers, then a comma or the end of all.
    for (; depth > 0; at = skipBlanks(bytes, at + 1, end)) {
      if (at >= end) return -1 - at;
      if (bytes[at] === COMMA) break;
      if (bytes[at] !== levels[depth - 1]! + 2) return -1 - at;
      if (places.depth === depth) places.leave();
      depth -= 1;
    }
    if (depth === 0) return at === end ? at : -1 - at;
    at = skipBlanks(bytes, at + 1, end);
    isName = levels[depth - 1] === OBJECT;
    if (!isName && places.depth === depth) places.item();
  }
}

function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
    at += 1;
  }
  return at;
}

function grown(levels: Uint8Array): Uint8Array {
  const more = new Uint8Array(levels.length * 4);
  more.set(levels);
  return more;
}

function textBetween(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end === 0) return undefined;
  const slice = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  if (slice[0] === QUOTE)
    return (slice.includes(0x5c) ? readText(bytes, start, end) : slice.toString('utf8', 1, slice.length - 1)) || undefined;
  return slice[0] === NULL[0] ? undefined : slice.toString('latin1');
}

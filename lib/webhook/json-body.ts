import { isUtf8 } from 'node:buffer';

export type JsonBody =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: 'invalid_json' | 'too_deep'; readonly because: string };

/** Far deeper than any provider's payload, far below what makes a recursive reader run out of stack. */
export const MAX_DEPTH = 64;

const BOM = [0xef, 0xbb, 0xbf] as const;

/**
 * Whether the bytes are JSON (RFC 8259) in UTF-8 that every reader behind us can take, and the value, whose shape nobody
 * may trust. A byte order mark is passed over; duplicate keys are allowed (the last one holds); numbers and texts are not
 * looked at, because what is stored is the bytes.
 */
export function readJsonBody(bytes: Uint8Array): JsonBody {
  if (bytes.length === 0) return { ok: false, code: 'invalid_json', because: 'it is empty' };
  if (!isUtf8(bytes)) return { ok: false, code: 'invalid_json', because: 'it is not UTF-8' };
  const start = BOM.every((byte, index) => bytes[index] === byte) ? BOM.length : 0;
  // Before anything is built: the depth is what a parser's stack pays for.
  if (isDeeperThan(bytes, start, MAX_DEPTH)) return { ok: false, code: 'too_deep', because: `expected at most ${MAX_DEPTH} levels` };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start).toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (mayPoison(text) && poisons(value)) return { ok: false, code: 'invalid_json', because: "it names an object's prototype" };
    return { ok: true, value };
  } catch {
    // The parser's message quotes the body.
    return { ok: false, code: 'invalid_json', because: 'it is not JSON' };
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts brackets outside of strings. */
function isDeeperThan(bytes: Uint8Array, start: number, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = start; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (inString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    // `[` 0x5b, `{` 0x7b, `]` 0x5d, `}` 0x7d
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}

/** Cheap: nearly every body ends here. An escape may spell any of the names. */
function mayPoison(text: string): boolean {
  return text.includes('__proto__') || text.includes('"prototype"') || text.includes('\\u00');
}

/** `{"__proto__": ...}` and `{"constructor": {"prototype": ...}}`: harmless to us, a trap for whoever merges it later. */
function poisons(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (Object.hasOwn(value, '__proto__')) return true;
  if (Object.hasOwn(value, 'constructor')) {
    const { constructor } = value as { constructor: unknown };
    if (constructor !== null && typeof constructor === 'object' && Object.hasOwn(constructor, 'prototype')) return true;
  }
  return Object.values(value).some(poisons);
}

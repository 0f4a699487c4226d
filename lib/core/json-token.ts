/**
 * The tokens of JSON (RFC 8259) as bytes. Each function begins at the token's first byte and gives back the offset behind its
 * end; where it is no such token, `-1 - offset` of the byte that does not fit. No exceptions and no objects: they are called
 * once per token of every body.
 */

/** What stands in a string for itself: everything from the blank on but the quote and the backslash. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c ? 1 : 0));
const IS_HEX = tableOf('0123456789abcdefABCDEF');
/** What may follow a backslash, but for `u`. */
const IS_ESCAPE = tableOf('"\\/bfnrt');

/** `words` shows the same bytes: most of a body is text, and four bytes at a time are twice as fast as one. */
export function skipString(bytes: Uint8Array, words: DataView, start: number, end: number): number {
  let at = start + 1;
  for (;;) {
    while (at + 4 <= end && arePlain(words.getInt32(at, true))) at += 4;
    while (at < end && IS_PLAIN[bytes[at]!] === 1) at += 1;
    if (at >= end) return -1 - at;
    const byte = bytes[at]!;
    if (byte === 0x22) return at + 1;
    // A control character.
    if (byte !== 0x5c) return -1 - at;
    at += 1;
    if (at >= end) return -1 - at;
    const escape = bytes[at]!;
    at += 1;
    if (IS_ESCAPE[escape] === 1) continue;
    if (escape !== 0x75) return -at;
    for (const stop = at + 4; at < stop; at += 1) if (at >= end || IS_HEX[bytes[at]!] !== 1) return -1 - at;
  }
}

/**
 * Whether none of four bytes is a quote, a backslash or below the blank: a byte that is gives, by the difference that sets a
 * byte's highest bit only where it was zero or borrowed (Hacker's Delight, 6-1), a bit that the others do not. It may doubt
 * bytes that are plain, and never trusts one that is not.
 */
function arePlain(word: number): boolean {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  const found = ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash) | ((word - 0x20202020) & ~word);
  return (found & 0x80808080) === 0;
}

export function skipNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  // No zero in front of another digit.
  if (at < end && bytes[at] === 0x30) at += 1;
  else at = skipDigits(bytes, at, end);
  if (at >= 0 && at < end && bytes[at] === 0x2e) at = skipDigits(bytes, at + 1, end);
  if (at >= 0 && at < end && (bytes[at]! | 0x20) === 0x65) {
    at += 1;
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at += 1;
    at = skipDigits(bytes, at, end);
  }
  return at;
}

/** At least one. */
function skipDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at += 1;
  return at === start ? -1 - at : at;
}

/** `true`, `false` or `null`, given as its bytes. */
export function skipWord(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
  for (let index = 0; index < word.length; index += 1)
    if (start + index >= end || bytes[start + index] !== word[index]) return -1 - (start + index);
  return start + word.length;
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) table[byte] = 1;
  return table;
}

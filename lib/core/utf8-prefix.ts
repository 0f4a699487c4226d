import { isUtf8 } from 'node:buffer';

/** How many of the first bytes are UTF-8. Halved again and again: the native check is faster than a loop over all. */
export function utf8Prefix(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  // Further apart than a cut character is long, or it would stand still.
  while (bad - good > 16) {
    const middle = (good + bad) >>> 1;
    // A character may be cut: it has at most four bytes.
    const whole = [0, 1, 2, 3].find((cut) => isUtf8(bytes.subarray(good, middle - cut)));
    if (whole === undefined) bad = middle;
    else good = middle - whole;
  }
  for (;;) {
    const character = [1, 2, 3, 4].find((size) => good + size <= bytes.length && isUtf8(bytes.subarray(good, good + size)));
    if (character === undefined) return good;
    good += character;
  }
}

import { fc } from './fast-check.ts';

/** Of UTF-16's halves (U+D800 to U+DFFF) there are 2,048, and none of them is a character. */
const SURROGATES = { first: 0xd800, count: 0x800 };

const character = (max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: max - SURROGATES.count }).map((point) => (point < SURROGATES.first ? point : point + SURROGATES.count));

/** Control characters and letters that mean something to a parser come as often as all the others together. */
const anyCharacter = fc.oneof({ weight: 2, arbitrary: fc.integer({ min: 0, max: 0xff }) }, character(0xffff), character(0x10ffff));

/**
 * Any text that UTF-8 can carry. As fast-check's `fc.string({ unit: 'binary' })`, which first fills a table of all
 * characters that there are: a second of work in every process.
 */
export function anyText(constraints: { readonly maxLength?: number } = {}): fc.Arbitrary<string> {
  return fc.array(anyCharacter, constraints).map((points) => String.fromCodePoint(...points));
}

const DIGITS = new Map(Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', (digit, value) => [digit, value]));
/** Of a digit's six bits: the value's, and the one that says that another digit follows (ECMA-426, base64 VLQ). */
const [VALUE_BITS, MORE] = [5, 32];

/**
 * Which source and line each line of a bundle begins with: all that a stack trace needs, and 1 MB that is read as it is, where a
 * source map takes a second to parse.
 * @param mappings of a source map, version 3
 * @returns per line two numbers: the source's place in the map's list plus one (0: none), and the line, from 1
 */
export function lineTable(mappings: string): Uint32Array {
  const table: number[] = [];
  // They go on from segment to segment.
  let source = 0;
  let line = 0;
  for (const segments of mappings.split(';')) {
    let first: readonly [number, number] | undefined;
    for (const segment of segments === '' ? [] : segments.split(',')) {
      const [, sourceStep, lineStep] = decode(segment);
      if (sourceStep === undefined || lineStep === undefined) continue;
      source += sourceStep;
      line += lineStep;
      first ??= [source + 1, line + 1];
    }
    table.push(...(first ?? [0, 0]));
  }
  return Uint32Array.from(table);
}

function decode(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.get(character) ?? 0;
    value += (digit & (MORE - 1)) << shift;
    shift += VALUE_BITS;
    if (digit & MORE) continue;
    // The lowest bit is the sign.
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

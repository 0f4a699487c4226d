import { typeTokens } from './subjects.ts';

/** The broker's index keeps every distinct subject in memory, and a client of the API names its types itself. */
const MAX_TYPES_PER_SOURCE = 500;

/** What the subject shows instead of a type beyond the limit; the header has the truth. */
export const OTHER_TYPE = '_other';

/**
 * Bounds the number of distinct types that one source may put into subjects. Counted per process and from its start: it
 * bounds growth, it is no register of types. Constant time and at most 500 short strings per source.
 */
export function createTypeLimiter(maxTypes = MAX_TYPES_PER_SOURCE): (source: string, type: string) => string {
  const seen = new Map<string, Set<string>>();
  return (source, type) => {
    const tokens = typeTokens(type);
    let types = seen.get(source);
    if (types === undefined) seen.set(source, (types = new Set()));
    if (types.has(tokens)) return tokens;
    if (types.size >= maxTypes) return OTHER_TYPE;
    types.add(tokens);
    return tokens;
  };
}

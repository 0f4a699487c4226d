/**
 * PostgreSQL holds no U+0000, no half of a surrogate pair and no number without an end, and a provider's answer may have all
 * of them. One such row would fail the whole group commit again and again, so everything goes in through here.
 */

/** Deeper than any answer worth reading; PostgreSQL's own parser gives up at some thousand levels. */
const MAX_DEPTH = 64;
/** Longer texts are cut: a record of what happened is no store of bodies. In UTF-16 units. */
const MAX_LENGTH = 1_000_000;
/** A value that contains itself twice would go on for ever. The longest answers of providers have some hundreds. */
const MAX_VALUES = 20_000;

/** A text that PostgreSQL can hold; what it cannot is replaced by U+FFFD. */
export function cleanText(text: string): string {
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text;
  return cut.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** JSON that PostgreSQL can hold, of any value: never throws. What is not JSON becomes text. */
export function toJson(value: unknown): string {
  return JSON.stringify(cleanJson(value));
}

/**
 * The parameter of a multi-row statement: an array of flat rows. Their texts are cleaned; a column that is JSON itself has
 * to be made by `cleanJson`.
 */
export function toRowsParameter(rows: readonly object[]): string {
  const json = JSON.stringify(rows);
  // What JSON.stringify had to escape is rare, so the walk over every text is rare too.
  return UNCLEAN.test(json) ? JSON.stringify(rows.map((row) => new Cleaning(MAX_DEPTH + 1).clean(row, 0))) : json;
}

const UNCLEAN = /\\u0000|\\ud[89a-f]/;

/** The value of a JSON column: a copy that PostgreSQL can hold. */
export function cleanJson(value: unknown): unknown {
  return new Cleaning(MAX_DEPTH).clean(value, 0) ?? null;
}

/** RFC 3339, or null for what is no moment between the years 1 and 9999. */
export function cleanTime(text: string): string | null {
  if (text !== lastTime.text) {
    const ms = Date.parse(text);
    lastTime = { text, clean: ms >= FIRST_MS && ms <= LAST_MS ? new Date(ms).toISOString() : null };
  }
  return lastTime.clean;
}

/** All rows of a turn say the same moment, and reading one costs two microseconds. */
let lastTime: { readonly text: string; readonly clean: string | null } = { text: '', clean: null };

const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59Z');

class Cleaning {
  readonly #maxDepth: number;
  #left = MAX_VALUES;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  clean(value: unknown, depth: number): unknown {
    if (--this.#left < 0) return '[too many values]';
    switch (typeof value) {
      case 'string':
        return cleanText(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
        return value;
      case 'bigint':
        return value.toString();
      case 'object':
        return value === null ? null : this.#cleanObject(value, depth);
      default:
        return undefined;
    }
  }

  #cleanObject(value: object, depth: number): unknown {
    if (depth >= this.#maxDepth) return `[deeper than ${MAX_DEPTH} levels]`;
    if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Error) return { name: cleanText(value.name), message: cleanText(value.message) };
    const cleaned = [];
    if (Array.isArray(value)) {
      for (const item of value) {
        cleaned.push(this.clean(item, depth + 1) ?? null);
        if (this.#left < 0) break;
      }
      return cleaned;
    }
    for (const [name, item] of Object.entries(value)) {
      cleaned.push([cleanText(name), this.clean(item, depth + 1)]);
      if (this.#left < 0) break;
    }
    return Object.fromEntries(cleaned) as object;
  }
}

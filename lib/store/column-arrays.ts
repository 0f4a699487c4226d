import { cleanText } from './clean-text.ts';

/** One column of a statement's rows. */
export interface Column {
  readonly name: string;
  /** As PostgreSQL names it; of a list, what its elements are. */
  readonly type: string;
  /** Each row has a list in it. */
  readonly isList: boolean;
}

/** Reads `name type, name type[], ...`. */
export function readColumns(text: string): Column[] {
  return text.split(',').map((column) => {
    const [name = '', type = ''] = column.trim().split(/\s+/);
    return { name, type: type.replace('[]', ''), isList: type.endsWith('[]') };
  });
}

/**
 * One column of many rows as the text of a PostgreSQL array (manual, 8.15.6), which the server reads several times faster than an
 * array of JSON objects. Values of a JSON column have to be made by `cleanJson`; all other texts are cleaned here. A list is one
 * text, since PostgreSQL has no arrays of arrays of different lengths.
 *
 * Between double quotes a backslash makes the next character plain there. Of what JSON writes that fits `\"` and `\\` only, which is
 * all that the JSON of a JSON's text has; another text with a backslash in its JSON is rare, and written by hand.
 */
export function columnArray(rows: readonly object[], { name, type, isList }: Column): string {
  const values = (rows as readonly Readonly<Record<string, unknown>>[]).map((row) => row[name] ?? null);
  if (type === 'jsonb') return braced(JSON.stringify(values.map((value) => (value === null ? null : JSON.stringify(value)))));
  const texts = isList ? values.map((value) => value && `{${(value as readonly unknown[]).join(',')}}`) : values;
  const json = JSON.stringify(texts);
  return json.includes('\\') ? `{${texts.map(quoted).join(',')}}` : braced(json);
}

function braced(json: string): string {
  return `{${json.slice(1, -1)}}`;
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `"${cleanText(value).replaceAll(/["\\]/g, '\\$&')}"` : JSON.stringify(value);
}

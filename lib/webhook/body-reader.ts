import type { BodyKind } from './body-kind.ts';
import { compilePaths } from './json-paths.ts';
import type { JsonPaths } from './json-paths.ts';
import { scanJson } from './json-scan.ts';
import type { JsonScan } from './json-scan.ts';

/** The values of a body that its source asks for, by path. */
export type BodyTexts = ReadonlyMap<string, string>;

export type ReadBody =
  | { readonly ok: true; readonly texts: BodyTexts }
  | { readonly ok: false; readonly offset: number; readonly because: string };

/**
 * Makes the function that checks a body as far as its kind allows, and reads the given paths out of it: JSON has to be JSON;
 * a form's fields are found by their names, and where such a field holds JSON, as Slack's `payload` does, a path leads on
 * into it; of other bodies nothing is read.
 */
export function createBodyReader(paths: Iterable<string>): (kind: BodyKind, bytes: Uint8Array) => ReadBody {
  const json = compilePaths(paths);
  const fields = Map.groupBy(json.paths, (path) => path.split('.', 1)[0] ?? path);
  const inFields = new Map([...fields].map(([name, all]) => [name, compilePaths(all.map((path) => path.slice(name.length + 1)))]));
  return (kind, bytes) => {
    switch (kind) {
      case 'json':
        return readJson(json, bytes);
      case 'form':
        return { ok: true, texts: readForm(inFields, bytes) };
      case 'bytes':
        return { ok: true, texts: new Map() };
    }
  };
}

function readJson(paths: JsonPaths, bytes: Uint8Array): ReadBody {
  const scan = scanJson(bytes, paths);
  return scan.ok ? { ok: true, texts: textsOf(scan, paths, '') } : scan;
}

function textsOf(scan: JsonScan & { ok: true }, { paths }: JsonPaths, prefix: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [number, text] of scan.texts.entries()) if (text !== undefined) texts.set(prefix + (paths[number] ?? ''), text);
  return texts;
}

/** The first field of a name counts. What is no form has no fields: its sender is genuine, and nothing is refused. */
function readForm(wanted: ReadonlyMap<string, JsonPaths>, bytes: Uint8Array): BodyTexts {
  const form = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const texts = new Map<string, string>();
  const seen = new Set<string>();
  for (let start = 0; start < form.length && seen.size < wanted.size;) {
    const next = form.indexOf('&', start);
    const end = next === -1 ? form.length : next;
    const field = form.slice(start, end);
    // Looked for in the field alone: in all that is left, a megabyte of fields without a value would take a minute.
    const equals = field.indexOf('=');
    const name = equals === -1 ? field : field.slice(0, equals);
    const paths = wanted.get(name);
    if (paths !== undefined && !seen.has(name)) {
      seen.add(name);
      for (const [path, text] of readField(name, paths, decode(field.slice(name.length + 1)))) texts.set(path, text);
    }
    start = end + 1;
  }
  return texts;
}

function readField(name: string, paths: JsonPaths, value: string): ReadonlyMap<string, string> {
  // The path '' is the field itself.
  const isAsked = paths.paths.includes('') && value !== '';
  const scan = paths.paths.some((path) => path !== '') ? scanJson(Buffer.from(value), paths) : undefined;
  return new Map([...(isAsked ? [[name, value] as const] : []), ...(scan?.ok === true ? textsOf(scan, paths, `${name}.`) : [])]);
}

/** `+` is a blank; what is no percent-encoding stays as it is. */
function decode(value: string): string {
  return new URLSearchParams(`v=${value}`).get('v') ?? '';
}

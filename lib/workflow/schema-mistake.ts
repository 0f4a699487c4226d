import type { z } from 'zod';

import type { Mistake } from './mistake.ts';
import { mistake, nearestWord, pathText } from './mistake.ts';

/**
 * Says a schema's findings in the words of the document: each with its path, what was expected and got, and the nearest right
 * word. `fieldsAt` names the fields that a path knows; `base` is put before each path.
 */
export function schemaMistakes(
  error: z.ZodError,
  document: unknown,
  fieldsAt: (path: readonly PropertyKey[]) => readonly string[],
  base: readonly PropertyKey[] = [],
): Mistake[] {
  return error.issues.flatMap((issue) => {
    const path = pathText([...base, ...issue.path]);
    const got = valueAt(document, issue.path);
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => unknownField([...base, ...issue.path, key], fieldsAt(issue.path)));
      case 'invalid_value':
        return [
          mistake(
            path,
            expectedGot(listText(issue.values.map(String)), got),
            typeof got === 'string' ? nearestWord(got, issue.values.map(String)) : undefined,
          ),
        ];
      case 'invalid_type':
        return [mistake(path, expectedGot(typeText(issue.expected), got))];
      case 'invalid_format':
        return [mistake(path, expectedGot(issue.message, got))];
      case 'too_big':
        return [mistake(path, `expected at most ${issue.maximum} ${unitText(issue.origin)}, got ${sizeText(got)}`)];
      case 'too_small':
        return [mistake(path, `expected at least ${issue.minimum} ${unitText(issue.origin)}, got ${sizeText(got)}`)];
      case 'invalid_union':
        return [mistake(path, expectedGot(path.endsWith('on.event') ? 'an event type or a list of them' : 'another form', got))];
      default:
        return [mistake(path, issue.message)];
    }
  });
}

function unknownField(path: readonly PropertyKey[], fields: readonly string[]): Mistake {
  const nearest = nearestWord(String(path.at(-1)), fields);
  return mistake(pathText(path), `expected ${listText(fields)}, got a field that is not known`, nearest);
}

function expectedGot(expected: string, got: unknown): string {
  return `expected ${expected}, got ${valueText(got)}`;
}

function listText(words: readonly string[]): string {
  return words.length === 0 ? 'no such field' : words.length === 1 ? words[0]! : `one of ${words.join(', ')}`;
}

function typeText(type: string): string {
  return (
    { string: 'text', array: 'a list', object: 'an object', record: 'an object', number: 'a number', boolean: 'true or false' }[type] ??
    type
  );
}

function unitText(origin: string): string {
  return origin === 'string' ? 'characters' : origin === 'array' ? 'entries' : '';
}

function sizeText(got: unknown): string {
  return typeof got === 'string' || Array.isArray(got) ? String(got.length) : valueText(got);
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

import type { JsonNode } from '../core/json-scan.ts';

/** As much of a value as helps to find it in the sender. Characters. */
const MAX_TOLD = 40;

/** A text as it is told to the one who sent it: in quotes, and cut where it is long. */
export function toldText(text: string): string {
  return text.length > MAX_TOLD ? `${JSON.stringify(text.slice(0, MAX_TOLD).toWellFormed())}...` : JSON.stringify(text);
}

/** What a JSON value is, for people: none of what it holds. */
export function toldKind({ kind }: Pick<JsonNode, 'kind'>): string {
  switch (kind) {
    case 'object':
    case 'array':
      return `an ${kind}`;
    case 'string':
      return 'a text';
    case 'number':
      return 'a number';
    default:
      return kind;
  }
}

import { parseDocument } from 'yaml';

import type { Checked } from './definition.ts';
import { mistake } from './mistake.ts';

/** The longest workflow document, in characters: 50 steps with a full message each are a third of it. */
const MAX_DOCUMENT_LENGTH = 500_000;

/**
 * Reads a document as YAML 1.2, of which JSON is a part, into plain JSON values. Not allowed: two documents, a field twice, tags,
 * and so many aliases that a small file becomes a large one.
 */
export function readDocument(text: string): Checked<unknown> {
  if (text.length > MAX_DOCUMENT_LENGTH)
    return { kind: 'wrong', mistakes: [mistake('', `expected at most ${MAX_DOCUMENT_LENGTH} characters, got ${text.length}`)] };
  const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: true, prettyErrors: true });
  // The first only: what the parser says after it is mostly its consequence.
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) return { kind: 'wrong', mistakes: [mistake('', problem.message.trim())] };
  try {
    // Through JSON, so that what is checked is exactly what is stored.
    const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 50 })) ?? 'null');
    return { kind: 'right', value };
  } catch (error) {
    return { kind: 'wrong', mistakes: [mistake('', error instanceof Error ? error.message : String(error))] };
  }
}

import type { SignedPart } from './signature.ts';

const PLACEHOLDER = /\{(body|timestamp|header:[a-z0-9-]{1,64})\}/;

/**
 * Reads what a signature covers: `{timestamp}.{body}`, `{header:x-id}.{body}`; everything else is literal text.
 * @throws TypeError where the body is not covered, or a brace begins none of these
 */
export function parsePayloadTemplate(template: string): readonly SignedPart[] {
  // Splitting by a group keeps it: every second piece is a placeholder.
  const parts = template
    .split(PLACEHOLDER)
    .map((piece, index) => (index % 2 === 0 ? { text: piece } : placeholder(piece)))
    .filter((part) => typeof part === 'string' || !('text' in part) || part.text !== '');
  if (!parts.includes('body')) throw new TypeError('expected {body} in it: a signature that does not cover the body shows nothing');
  if (parts.some((part) => typeof part === 'object' && 'text' in part && /[{}]/.test(part.text)))
    throw new TypeError('expected {body}, {timestamp}, {header:<name in lower case>} and text without braces');
  return parts;
}

function placeholder(name: string): SignedPart {
  return name === 'body' || name === 'timestamp' ? name : { header: name.slice('header:'.length) };
}

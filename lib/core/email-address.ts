import { domainToASCII } from 'node:url';

/** What a browser takes as an address (WHATWG HTML, "valid e-mail address"): no quotes, no comments, no white space, one `@`. */
const LOCAL = /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+$/;
/** Before it is made ASCII: the URL parser drops line breaks, decodes `%`, and stops at a slash. */
const DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** RFC 5321 4.5.3.1.1, and 4.5.3.1.3 without the brackets around a path. Octets. */
const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;

/**
 * An e-mail address as it goes on the wire: its domain in ASCII (a name in another script becomes its `xn--` form), in small letters.
 * Undefined where it is none that every server takes. Forms that RFC 5322 allows beyond that (quoted local parts, comments, address
 * literals) are refused: two programs that read them differently send to two people.
 */
export function parseEmailAddress(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  if (at < 1 || local.length > MAX_LOCAL || !LOCAL.test(local)) return undefined;
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined;
  if (!DOMAIN.test(text.slice(at + 1))) return undefined;
  const domain = domainToASCII(text.slice(at + 1));
  const labels = domain.split('.');
  // The URL parser reads `1.2` as an address; the last label of a name is never a number.
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label)) || /^\d+$/.test(labels.at(-1) ?? '')) return undefined;
  const address = `${local}@${domain}`;
  return address.length > MAX_ADDRESS ? undefined : address;
}

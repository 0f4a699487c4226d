import { parseEmailAddress } from '../../../lib/core/email-address.ts';

/** Who our mails are from. */
export interface Sender {
  readonly address: string;
  /** As it is shown; '' for none. */
  readonly name: string;
}

/** A name without what would need quotes or end the header, and an address behind it. */
const NAMED = /^"?([^"<>\\\p{Cc}]*?)"?\s*<([^<>]+)>$/u;

/** Reads `name@example.org` or `Name <name@example.org>`. Throws a `TypeError`. */
export function parseSender(text: string): Sender {
  const [, name = '', inner = text] = NAMED.exec(text) ?? [];
  const address = parseEmailAddress(inner);
  if (address === undefined) throw new TypeError('expected name@example.org or Name <name@example.org>');
  return { address, name: name.trim() };
}

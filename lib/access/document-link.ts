import { createHmac, timingSafeEqual } from 'node:crypto';

/** A link to one document, for whoever has it, until a moment. */
export interface DocumentLink {
  readonly id: string;
  /** What the file is called where it is saved. */
  readonly filename: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

export type DocumentLinkRefusal = 'malformed' | 'wrong_signature' | 'expired';

/** Where documents are, below the public address. */
export const DOCUMENT_PATH = '/v1/documents/';

/** @param publicUrl the address of ingest as the outside sees it */
export function documentUrl(publicUrl: string, link: DocumentLink, key: string): string {
  const url = new URL(DOCUMENT_PATH + link.id, publicUrl);
  url.searchParams.set('filename', link.filename);
  url.searchParams.set('expires', String(link.expires));
  url.searchParams.set('signature', sign(link, key).toString('base64url'));
  return url.toString();
}

/**
 * Checks a link as `documentUrl` made it. Everything in it is signed, so nobody can prolong it or give the file another name.
 * The signature is compared first and in constant time: an expired link says so only to those who had a good one.
 */
export function checkDocumentLink(
  id: string,
  query: URLSearchParams,
  key: string,
  nowMs: number,
): { readonly link: DocumentLink } | { readonly refusal: DocumentLinkRefusal } {
  const [filename, expires, signature] = ['filename', 'expires', 'signature'].map((name) => query.getAll(name));
  if (filename?.length !== 1 || expires?.length !== 1 || signature?.length !== 1 || !/^\d{1,12}$/.test(expires[0] ?? ''))
    return { refusal: 'malformed' };
  const link: DocumentLink = { id, filename: filename[0] ?? '', expires: Number(expires[0]) };
  const expected = sign(link, key);
  const got = Buffer.from(signature[0] ?? '', 'base64url');
  if (got.length !== expected.length || !timingSafeEqual(got, expected)) return { refusal: 'wrong_signature' };
  return nowMs / 1_000 < link.expires ? { link } : { refusal: 'expired' };
}

/** The parts cannot run into each other: an id has no line break, a moment is a number. */
function sign({ id, expires, filename }: DocumentLink, key: string): Buffer {
  return createHmac('sha256', key).update(`visapi document link v1\n${id}\n${expires}\n${filename}`).digest();
}

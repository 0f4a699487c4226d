/** Headers that a caller may set. Everything else (host, length, connection, encoding ...) is ours. */
const ALLOWED = new Set(['accept', 'authorization', 'content-type', 'idempotency-key', 'traceparent', 'user-agent']);

/** What RFC 9110 5.5 allows in a field value, ASCII only: so no CR, LF or NUL can end the header and begin another. */
const VALUE = /^[\t\x20-\x7e]*$/;

export type RequestHeaders =
  | { readonly kind: 'headers'; readonly headers: Record<string, string> }
  | { readonly kind: 'refused'; readonly because: string };

/** Checks a request's headers and adds those that every request has. A refusal never repeats a value: it may be a secret. */
export function judgeHeaders(wanted: Readonly<Record<string, string>>): RequestHeaders {
  const headers: Record<string, string> = { 'user-agent': 'visapi' };
  for (const [name, value] of Object.entries(wanted)) {
    const lower = name.toLowerCase();
    if (!ALLOWED.has(lower)) return { kind: 'refused', because: `header ${JSON.stringify(name)} is not allowed` };
    if (!VALUE.test(value)) return { kind: 'refused', because: `header ${lower}: expected printable ASCII` };
    headers[lower] = value;
  }
  // A compressed answer could be small on the wire and huge in memory.
  headers['accept-encoding'] = 'identity';
  return { kind: 'headers', headers };
}

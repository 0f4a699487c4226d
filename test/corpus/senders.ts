import { Secret } from '../../lib/core/secret.ts';
import { compileSource, parseSourceDocument } from '../../lib/webhook/source.ts';
import type { Source } from '../../lib/webhook/source.ts';
import { signRequest } from '../../lib/webhook/verifier.ts';

/** A source, and what its sender would send. */
export interface Sender {
  readonly document: { readonly name: string; readonly preset: string; readonly options?: object };
  readonly secret: string;
  readonly otherSecret: string;
  readonly source: Source;
}

/** The time of all requests, in seconds; its digits are all of one length with those around. */
export const AT = 1_700_000_000;
export const BODY = Buffer.from('{"id":"evt_1", "type":"order.paid","amount":10.00}');

const WHSEC = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;

const SENDERS = [
  [{ name: 'github', preset: 'github' }, 'a secret', 'another secret'],
  [{ name: 'standard', preset: 'standard-webhooks' }, WHSEC(1), WHSEC(2)],
  [{ name: 'stripe', preset: 'stripe' }, 'whsec_test_secret', 'whsec_test_secret2'],
  [{ name: 'slack', preset: 'slack' }, '8f742231b10e8888abcd99yyyzzz85a5', '8f742231b10e8888abcd99yyyzzz85a6'],
  [
    {
      name: 'generic-hex',
      preset: 'generic',
      options: { header: 'X-Signature', prefix: 'hmac ', payload: '{timestamp}.{header:x-id}.{body}', timestampHeader: 'X-Time' },
    },
    'a secret',
    'another secret',
  ],
  [
    { name: 'generic-base64', preset: 'generic', options: { header: 'x-signature', algorithm: 'sha512', encoding: 'base64' } },
    'a secret',
    'another secret',
  ],
  [
    {
      name: 'generic-base64url',
      preset: 'generic',
      options: { header: 'x-signature', algorithm: 'sha1', encoding: 'base64url', prefix: 'v1:' },
    },
    'a secret',
    'another secret',
  ],
  [{ name: 'bearer', preset: 'bearer' }, 'abc.DEF-123_~+/==', 'abc.DEF-123_~+/x=='],
  [{ name: 'basic', preset: 'basic' }, 'jürgen:pass:wörd', 'jürgen:pass:word'],
  [{ name: 'api-key', preset: 'api-key', options: { header: 'X-Shop-Key' } }, 'a Key with blanks, 16', 'a Key with blanks, 17'],
] as const;

export const senders: readonly Sender[] = SENDERS.map(([document, secret, otherSecret]) => ({
  document,
  secret,
  otherSecret,
  source: compileSource(parseSourceDocument(document), [{ value: new Secret(secret) }]),
}));

export interface Sending {
  readonly secret?: string;
  readonly body?: Uint8Array;
  /** The time as it is written; signed as it is. */
  readonly timestamp?: string;
  readonly id?: string;
}

/** The headers of a genuine request. */
export function genuineHeaders({ source, secret }: Sender, sending: Sending = {}): Record<string, string> {
  const { scheme } = source;
  const time = sending.timestamp ?? String(AT);
  const isTimeHeader = scheme.kind === 'signature' && scheme.timestamp !== null && 'header' in scheme.timestamp;
  const headers: Record<string, string> = { 'x-id': 'id-1', 'webhook-id': sending.id ?? 'msg_1' };
  if (isTimeHeader && 'header' in scheme.timestamp) headers[scheme.timestamp.header] = time;
  const signed = signRequest(scheme, new Secret(sending.secret ?? secret), {
    headers,
    body: sending.body ?? BODY,
    nowMs: AT * 1000,
    timestamp: time,
  });
  return { ...headers, ...signed };
}

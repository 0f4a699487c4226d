import { randomUUID } from 'node:crypto';
import type { Secret } from '../../lib/core/secret.ts';
import type { SourceView } from '../../lib/settings/source-store.ts';
import { compileSource, type Source } from '../../lib/webhook/source.ts';
import { postRequest, type Sent } from './post-request.ts';
import { providerHeaders } from './provider-request.ts';

export interface SourceTestResult extends Sent {
  readonly isAccepted: boolean;
  /** What it means, in one sentence. */
  readonly says: string;
}

/** What no provider calls an event. */
const TEST_TYPE = 'visapi.test';

/** Sends a signed example as the source's provider would. */
export async function testSource(view: SourceView, secret: Secret, address: string): Promise<SourceTestResult> {
  const source = compileSource(view.document, [{ value: secret }]);
  const nowMs = Date.now();
  const contentType = contentTypeOf(source);
  const body = exampleBody(source, contentType, nowMs);
  const { id, headers } = providerHeaders({ preset: source, secret: secret.reveal(), body, event: TEST_TYPE, nowMs });
  const sent = await postRequest(address, body, { ...headers, 'content-type': contentType }, id);
  return { ...sent, isAccepted: sent.status >= 200 && sent.status < 300, says: meaningOf(sent, view.name) };
}

function contentTypeOf({ contentTypes }: Source): string {
  const [first = 'application/json'] = contentTypes;
  return contentTypes.includes('application/json') || first.includes('*') ? 'application/json' : first;
}

/** The little that each preset looks for: an id, a type, a time. */
function exampleBody(source: Source, contentType: string, nowMs: number): Uint8Array {
  const seconds = Math.floor(nowMs / 1000);
  const id = randomUUID();
  if (contentType.includes('x-www-form-urlencoded')) return Buffer.from(new URLSearchParams({ type: TEST_TYPE, id }).toString());
  if (!contentType.includes('json')) return Buffer.from(TEST_TYPE);
  switch (source.preset) {
    case 'stripe':
      return json({ id: `evt_${id}`, object: 'event', type: TEST_TYPE, created: seconds, data: { object: { id: 'test' } } });
    case 'slack':
      return json({ type: 'event_callback', event_id: `Ev${id}`, event_time: seconds, event: { type: TEST_TYPE } });
    default:
      return json({ type: TEST_TYPE, id, timestamp: new Date(nowMs).toISOString(), data: {} });
  }
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function meaningOf({ status, id, code }: Sent, name: string): string {
  if (status >= 200 && status < 300) return `accepted${id === null ? '' : ` as ${id}; visapi trace ${id} shows its fate`}`;
  switch (status) {
    case 401:
      return 'not verified: ingest has another secret, or a clock that is minutes off; after a change it has the new one within 5 s';
    case 404:
      return `ingest does not know ${name}: after a change it does within 5 s; is it the ingest of this broker?`;
    case 429:
      return 'too many requests';
    case 503:
      return 'ingest can store nothing now, or does not know yet who may send; its /readyz says why';
    default:
      return `refused with ${code ?? status}`;
  }
}

import { createHmac } from 'node:crypto';

/** What the source `github` of a test signs with. */
export const SECRET = "It's a Secret to Everybody";

/** A workflow that tells #releases the tag of each release of repositories whose name begins with `owner/`. */
export function releaseWorkflow(owner: string, onUnknown: 'repeat' | 'hold'): string {
  return JSON.stringify({
    name: `tell-${owner}`,
    on: { event: 'release.published', source: 'github', if: `event.data.repository.full_name.startsWith("${owner}/")` },
    steps: [
      {
        id: 'tell',
        uses: 'slack.send',
        'on-unknown': onUnknown,
        with: { channel: '#releases', text: '{{ event.data.repository.full_name }} {{ event.data.release.tag_name }}' },
      },
    ],
  });
}

/** A request as GitHub makes it: the repository is the key, the delivery the identity. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A published release. @param secret (Default: the one of the tests' source; another one makes a forgery) */
export function signRelease(release: { repository: string; tag: string; delivery: string }, secret = SECRET): SignedRequest {
  const { repository, tag, delivery } = release;
  const data = { action: 'published', release: { tag_name: tag, draft: false }, repository: { full_name: repository } };
  return signEvent('release', delivery, data, secret);
}

/** Any event of GitHub's. */
export function signEvent(event: string, delivery: string, data: object, secret = SECRET): SignedRequest {
  const body = JSON.stringify(data);
  return {
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'x-github-event': event,
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
  };
}

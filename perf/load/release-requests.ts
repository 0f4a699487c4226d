import { createHmac, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';

/**
 * Whole requests of GitHub releases, signed beforehand: GitHub signs the body alone, so the id of a delivery can be
 * written into a signed request. All have the same length.
 */
export interface ReleaseRequests {
  readonly requestBytes: number;
  readonly bodyBytes: number;
  /** Writes the next request, with an id of its own, into `target`. */
  writeNext(target: Uint8Array): void;
}

/** Keys (repositories) that the requests are spread over: more than are ever under way at once. */
const REPOSITORIES = 1_000;

/** @param path of the hook, @param secret that signs */
export function createReleaseRequests(path: string, secret: string): ReleaseRequests {
  const example = releaseExample();
  // The same first half for all of one process; the rest is a number.
  const idPrefix = `${randomBytes(4).toString('hex')}-${randomBytes(2).toString('hex')}-4000-8000-`;
  const head = (length: number, signature: string) =>
    [
      `POST ${path} HTTP/1.1`,
      'Host: 127.0.0.1',
      'User-Agent: GitHub-Hookshot/1234567',
      'Accept: */*',
      'Content-Type: application/json',
      `Content-Length: ${length}`,
      'X-GitHub-Hook-ID: 292430182',
      'X-GitHub-Event: release',
      `X-GitHub-Delivery: ${idPrefix}000000000000`,
      'X-GitHub-Hook-Installation-Target-Type: repository',
      'X-GitHub-Hook-Installation-Target-ID: 186853002',
      `X-Hub-Signature-256: sha256=${signature}`,
    ].join('\r\n');
  let bodyBytes = 0;
  const requests = Array.from({ length: REPOSITORIES }, (_, number) => {
    const name = `repository-${String(number).padStart(4, '0')}`;
    const body = JSON.stringify({ ...example, repository: { ...example.repository, name, full_name: `Codertocat/${name}` } });
    bodyBytes = Buffer.byteLength(body);
    return Buffer.from(`${head(bodyBytes, createHmac('sha256', secret).update(body).digest('hex'))}\r\n\r\n${body}`);
  });
  const first = requests[0] ?? Buffer.alloc(0);
  const idEnd = first.indexOf(idPrefix) + idPrefix.length + ID_DIGITS;
  let sent = 0;
  return {
    requestBytes: first.length,
    bodyBytes,
    writeNext(target) {
      target.set(requests[sent % REPOSITORIES] ?? first);
      sent += 1;
      let rest = sent;
      for (let at = idEnd - 1; rest > 0; at -= 1) {
        target[at] = ZERO + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    },
  };
}

const ID_DIGITS = 12;
const ZERO = 0x30;

interface ReleaseExample {
  readonly repository: Record<string, unknown>;
}

/** The published release of GitHub's examples (MIT) without its many addresses: what is left is real, and below 2 KB. */
function releaseExample(): ReleaseExample {
  const all = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly { name: string; examples: unknown[] }[];
  const [example] = all.find(({ name }) => name === 'release')?.examples ?? [];
  const short = JSON.stringify(example, (name, value: unknown) => (name.endsWith('_url') && name !== 'html_url' ? undefined : value));
  return JSON.parse(short) as ReleaseExample;
}

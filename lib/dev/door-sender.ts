import { Agent, request } from 'node:http';
import { type SignedRequest, signRelease } from './release-events.ts';

/** A sender of signed GitHub events, with connections of its own. */
export interface DoorSender {
  /** Posts a release; its tag is the delivery, and the repository is the key. */
  post(repository: string, delivery: string): Promise<PostResult>;
  send(request: SignedRequest): Promise<PostResult>;
  stop(): void;
}

export interface PostResult {
  /** Undefined where no answer came. */
  readonly status: number | undefined;
  readonly duplicate: boolean;
  /** The body of the answer. */
  readonly text: string;
}

/**
 * @param timeoutMs for an answer; (Default: 5 s)
 * @param connections at most; what has none waits. (Default: as many as there are open requests)
 * @param source whom it sends for
 */
export function createDoorSender(url: string, timeoutMs = 5_000, connections = Infinity, source = 'github'): DoorSender {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = ({ headers, body }: SignedRequest): Promise<PostResult> =>
    new Promise((resolve) => {
      const none = (): void => resolve({ status: undefined, duplicate: false, text: '' });
      const sent = request(`${url}/hooks/${source}`, { agent, method: 'POST', headers, timeout: timeoutMs });
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, duplicate: text.includes('"duplicate":true'), text }));
        response.on('error', none);
      });
      sent.on('error', none);
      sent.on('timeout', () => sent.destroy());
      sent.end(body);
    });
  return {
    send,
    post: (repository, delivery) => send(signRelease({ repository, tag: delivery, delivery })),
    stop: () => agent.destroy(),
  };
}

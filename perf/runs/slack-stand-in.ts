import { once } from 'node:events';
import { createServer } from 'node:http';

/** What stands for Slack: answers at once, and says of each message when it came. In the bench's own process, so there is one clock. */
export interface SlackStandIn {
  readonly url: string;
  /** Messages that have come. */
  readonly arrived: number;
  /** When the first message with this text came, on the clock of `performance.now()`; undefined: not yet. */
  arrivedAt(text: string): number | undefined;
  /** Forgets what came. */
  clear(): void;
  stop(): Promise<void>;
}

export async function startSlackStandIn(): Promise<SlackStandIn> {
  const times = new Map<string, number>();
  let arrived = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const now = performance.now();
      const { text } = JSON.parse(Buffer.concat(parts).toString()) as { text: string };
      arrived += 1;
      if (!times.has(text)) times.set(text, now);
      response.end('ok');
    });
  });
  // Longer than any pause of a bench: a connection that is closed under a request is an outcome that nobody knows.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`expected a port, got ${address}`);
  return {
    url: `http://127.0.0.1:${address.port}`,
    get arrived() {
      return arrived;
    },
    arrivedAt: (text) => times.get(text),
    clear() {
      times.clear();
      arrived = 0;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

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

/** Written by hand on sockets: an HTTP server of Node's would cost a third of what is measured, which shares its cores. */
export async function startSlackStandIn(): Promise<SlackStandIn> {
  const times = new Map<string, number>();
  let arrived = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    readRequests(socket, (body) => {
      const now = performance.now();
      const { text } = JSON.parse(body) as { text: string };
      arrived += 1;
      if (!times.has(text)) times.set(text, now);
      socket.write(OK);
    });
  });
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
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const HEAD_END = '\r\n\r\n';

/** Calls back with the body of each request that has a length, as all of egress have. */
function readRequests(socket: Socket, onBody: (body: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (part: Buffer) => {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
    for (;;) {
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const length = Number(/^content-length: *(\d+)/im.exec(rest.toString('latin1', 0, headEnd))?.[1]);
      const from = headEnd + HEAD_END.length;
      if (Number.isNaN(length)) {
        socket.destroy(new Error('expected a request with a length'));
        return;
      }
      if (rest.length < from + length) return;
      onBody(rest.toString('utf8', from, from + length));
      rest = rest.subarray(from + length);
    }
  });
}

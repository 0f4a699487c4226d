import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { CHECK_STEPS, type EdgeLimits } from './edge-limits.ts';
import { LaneConnection, type Lane } from './lane-connection.ts';
import type { RequestHead } from './request-head.ts';
import type { SenderLimit } from './request-limits.ts';

/**
 * A shorter way for the requests that a server gets all the time. It reads only what cannot be read in two ways, and answers
 * only what the route takes; every other request goes, with the bytes as they came, to the server and stays there with its connection.
 * So the server alone decides on refusals, and the lane cannot answer what the server would not.
 */
export interface LaneRoute {
  /** What takes the body of a request, by its head alone. Undefined: the server answers it. */
  admit(head: RequestHead): TakeBody | undefined;
}

/** Undefined: the server answers the request, and nothing has happened yet. Never rejects. */
export type TakeBody = (body: Buffer) => Promise<LaneAnswer> | undefined;

export interface LaneAnswer {
  readonly status: number;
  /** Status line and all headers that are the same for every answer of its kind, each with its end of line. */
  readonly head: string;
  readonly body: string;
}

export interface ExpressLane {
  /** No request after the one that is under way. */
  close(): void;
}

export interface ExpressLaneOptions {
  readonly server: Server;
  readonly limits: EdgeLimits;
  readonly route: LaneRoute;
  /** Who sent it, by the peer's address and its `X-Forwarded-For`. */
  readonly senderOf: (peer: string, forwardedFor: string | undefined) => string;
  /** (Default: none) */
  readonly senderLimit: SenderLimit | undefined;
}

/** Stands in front of the server's own way of taking a connection. */
export function openExpressLane(options: ExpressLaneOptions): ExpressLane {
  const { server, limits } = options;
  const connections = new Set<LaneConnection>();
  const toServer = server.listeners('connection') as ((socket: Socket) => void)[];
  const lane: Lane = {
    ...options,
    isClosing: false,
    keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(limits.keepAliveTimeoutMs / 1_000)}, max=${limits.requestsPerSocket}\r\n`,
    handOver(socket) {
      for (const listener of toServer) listener.call(server, socket);
    },
    left: (connection) => void connections.delete(connection),
  };
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => connections.add(new LaneConnection(lane, socket)));
  let rest = connections.values();
  const sweep = setInterval(() => {
    const now = performance.now();
    for (let left = Math.ceil(connections.size / CHECK_STEPS); left > 0; left -= 1) {
      const { value: connection } = rest.next();
      if (connection === undefined) {
        rest = connections.values();
        return;
      }
      connection.sweep(now);
    }
  }, limits.checkIntervalMs / CHECK_STEPS);
  sweep.unref();
  return {
    close() {
      lane.isClosing = true;
      clearInterval(sweep);
      for (const connection of connections) connection.endIdle();
    },
  };
}

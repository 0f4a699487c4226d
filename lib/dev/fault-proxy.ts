import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { findFreePort } from './port.ts';

/** From whoever connects to what it connects to, and back. */
export type Way = 'to-server' | 'to-client';

export const BOTH_WAYS: readonly Way[] = ['to-server', 'to-client'];

/** A TCP link on the loopback that can be cut, in both directions or in one. Whoever uses it is not told. */
export interface FaultProxy {
  readonly port: number;
  /** From now on nothing passes in these directions: no byte, no end of a connection. New connections are accepted and stay silent. */
  cut(ways: readonly Way[]): void;
  /** Breaks all connections off; new ones are refused, as by a machine whose program is gone. @returns how many it broke off */
  refuse(): Promise<number>;
  /** What was held back goes on, as after a partition that was shorter than TCP's patience; nothing is refused. May be called at any time. */
  heal(): Promise<void>;
  /** Ends all connections. May be called twice. */
  close(): Promise<void>;
}

/** Listens on a port that nobody has and passes everything on to `port` of the same machine. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const held = new Set<Way>();
  /** What waits for the heal: reads that were stopped, and ends that were not passed on. */
  const waiting = new Map<Way, (() => void)[]>(BOTH_WAYS.map((way) => [way, []]));
  /** Does it now, or once the way is open again. */
  const pass = (way: Way, act: () => void): void => {
    if (held.has(way)) waiting.get(way)?.push(act);
    else act();
  };

  function pump(from: Socket, to: Socket, way: Way): void {
    from.on('data', (chunk) => {
      if (to.destroyed) return;
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => pass(way, () => from.resume()));
      }
    });
    from.on('end', () => pass(way, () => to.end()));
    from.on('error', () => undefined);
    // A reset is no orderly end: it comes at once, also to a socket that is not read.
    from.on('close', (hadError) => {
      sockets.delete(from);
      pass(way, () => (hadError ? to.resetAndDestroy() : to.destroySoon()));
    });
    if (held.has(way)) from.pause();
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, upstream]) sockets.add(socket);
    pump(client, upstream, 'to-server');
    pump(upstream, client, 'to-client');
    pairs.add([client, upstream]);
  });
  const pairs = new Set<readonly [client: Socket, upstream: Socket]>();
  const sourcesOf = (way: Way): Socket[] => [...pairs].map(([client, upstream]) => (way === 'to-server' ? client : upstream));
  // Not one of the kernel's: while it refuses, an outgoing connection of anybody could take that.
  const own = await findFreePort();
  server.listen(own, '127.0.0.1');
  await once(server, 'listening');
  const breakOff = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const stopListening = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    breakOff();
    await once(server, 'close');
  };
  return {
    port: own,
    cut(ways) {
      for (const way of ways) {
        held.add(way);
        for (const socket of sourcesOf(way)) socket.pause();
      }
    },
    async refuse() {
      const broken = [...pairs].filter(([client]) => !client.destroyed).length;
      await stopListening();
      return broken;
    },
    async heal() {
      const healed = [...held];
      held.clear();
      for (const way of healed) {
        for (const act of waiting.get(way)?.splice(0) ?? []) act();
        for (const socket of sourcesOf(way)) socket.resume();
      }
      for (const pair of pairs) if (pair.every((socket) => socket.destroyed)) pairs.delete(pair);
      if (server.listening) return;
      server.listen(own, '127.0.0.1');
      await once(server, 'listening');
    },
    async close() {
      held.clear();
      breakOff();
      await stopListening();
    },
  };
}

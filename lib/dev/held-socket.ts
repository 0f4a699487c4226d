import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';

/** A TCP address that is bound here, and listened on by the processes that are given its descriptor. */
export interface HeldSocket {
  readonly fd: number;
  /** May be called twice. */
  close(): void;
}

interface TcpHandle {
  readonly fd: number;
  close(): void;
}

/** What `node:cluster` binds the sockets with that its workers share; `node:net` itself would take the connections, too. */
const { _createServerHandle: bind } = net as unknown as {
  _createServerHandle(host: string, port: number, family: 4 | 6, fd: -1, flags: 0): TcpHandle | number;
};

/**
 * Binds an address without taking connections. From the first process on that listens on it they come, and where none takes them they wait
 * in the kernel (511 of them) until one does: a process that dies or is started anew refuses none.
 * @throws Error where the address cannot be had
 */
export async function holdSocket(host: string, port: number): Promise<HeldSocket> {
  const { address, family } = await lookup(host);
  const handle = bind(address, port, family === 6 ? 6 : 4, -1, 0);
  if (typeof handle === 'number') throw new Error(`expected to listen on ${host}:${port}, got ${getSystemErrorName(handle)}`);
  let isClosed = false;
  return {
    fd: handle.fd,
    close() {
      if (!isClosed) handle.close();
      isClosed = true;
    },
  };
}

/** One address for several programs. */
export interface SharedSocket {
  /** Bound by the first that takes it, given up when the last one has closed it. @throws as `holdSocket` does */
  take(): Promise<HeldSocket>;
}

export function shareSocket(host: string, port: number): SharedSocket {
  let users = 0;
  let bound: Promise<HeldSocket> | undefined;
  return {
    async take() {
      users += 1;
      bound ??= holdSocket(host, port);
      let isClosed = false;
      const release = (held?: HeldSocket): void => {
        if (isClosed) return;
        isClosed = true;
        users -= 1;
        if (users > 0) return;
        held?.close();
        bound = undefined;
      };
      try {
        const held = await bound;
        return { fd: held.fd, close: () => release(held) };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

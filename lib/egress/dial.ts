import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { judgeServer, type EgressRules } from './destination.ts';
import { AddressRefused, guardedLookup, systemResolve, type Resolve } from './guarded-lookup.ts';

/*
 * The way out for what is not HTTP: a connection to a mail server, by the rules of egress.ts. The name is judged by its text, and
 * the addresses behind it by the socket's own lookup, so that what is dialled is what was checked. TLS is the caller's.
 */

export interface Server {
  readonly host: string;
  readonly port: number;
}

export interface DialOptions {
  readonly rules: EgressRules;
  /** Name and connection together. (Default: 5,000 ms) */
  readonly connectMs?: number;
  /** (Default: the system's resolver) */
  readonly resolve?: Resolve;
  /** Told of every server that a rule kept from being dialled. */
  readonly onRefused?: (because: string) => void;
}

/**
 * - `connected`: the socket is the caller's to end
 * - `refused`: a rule forbids it
 * - `unreachable`: no name, no connection in time, or the caller gave up
 */
export type Dialled =
  | { readonly kind: 'connected'; readonly socket: Socket }
  | { readonly kind: 'refused' | 'unreachable'; readonly because: string };

/** Opens connections to mail servers; never rejects. */
export type Dial = (server: Server, signal: AbortSignal) => Promise<Dialled>;

/** Builds it; no I/O yet. */
export function createDial(options: DialOptions): Dial {
  const { rules, connectMs = 5_000, resolve = systemResolve, onRefused } = options;
  const guarded = guardedLookup(resolve);

  return async (server, signal) => {
    const destination = judgeServer(server, rules);
    if (destination.kind === 'refused') {
      onRefused?.(destination.because);
      return destination;
    }
    // As the judge read it: another spelling may mean another host to the system's resolver.
    const host = new URL(destination.origin).hostname.replace(/^\[|\]$/g, '');
    const dialled = await open({ host, port: server.port, ...(destination.isAllowed ? {} : { lookup: guarded }) }, connectMs, signal);
    if (dialled.kind === 'refused') onRefused?.(dialled.because);
    return dialled;
  };
}

async function open(to: TcpSocketConnectOpts, connectMs: number, signal: AbortSignal): Promise<Dialled> {
  if (signal.aborted) return { kind: 'unreachable', because: 'given up before it was dialled' };
  const socket = connect(to);
  return await new Promise((resolve) => {
    const end = (dialled: Dialled): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('connect', onConnect);
      socket.removeListener('error', onError);
      if (dialled.kind !== 'connected') {
        // What a destroyed socket still says is of no interest.
        socket.on('error', () => undefined);
        socket.destroy();
      }
      resolve(dialled);
    };
    const onConnect = (): void => end({ kind: 'connected', socket });
    const onError = (error: Error & { code?: unknown }): void => {
      const because = typeof error.code === 'string' ? `${error.code}: ${error.message}` : error.message;
      end({ kind: error instanceof AddressRefused ? 'refused' : 'unreachable', because });
    };
    const onAbort = (): void => end({ kind: 'unreachable', because: 'given up while it was dialled' });
    const timer = setTimeout(() => end({ kind: 'unreachable', because: `no connection within ${connectMs} ms` }), connectMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', onConnect);
    socket.once('error', onError);
  });
}

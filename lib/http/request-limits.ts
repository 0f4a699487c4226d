import { BlockList, isIP, type Socket } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../core/app-error.ts';

/**
 * How many requests anybody may make. Counted in this process, so several processes behind one address allow as many times
 * as much.
 */
export interface AddressLimit {
  /** 0: no limit. */
  readonly requestsPerSecond: number;
  /** Networks (CIDR) that are not counted. */
  readonly exempt: readonly string[];
}

/** Rates hold over this time, so that a burst is not refused. Milliseconds. */
const WINDOW_MS = 10_000;
/** Senders that are remembered: a few hundred bytes each. The one that was seen the longest ago is forgotten first. */
const SENDERS = 20_000;

/** Refuses a request: @throws AppError `too_many_requests` */
export type RequestLimit = (request: FastifyRequest) => Promise<void>;

/** Has to be called once per server, before the limits are made. */
export async function addRequestLimits(server: FastifyInstance): Promise<void> {
  await server.register(rateLimit, { global: false, cache: SENDERS });
}

/** A limit by what `senderOf` says of a request; 0: none. */
export function createRequestLimit(
  server: FastifyInstance,
  requestsPerSecond: number,
  senderOf: (request: FastifyRequest) => string,
): RequestLimit {
  if (requestsPerSecond === 0) return async () => undefined;
  return limitBy(server, requestsPerSecond, senderOf);
}

/** The limit for requests that are counted before the server sees them. */
export interface SenderLimit {
  /** Counts a request; false where it is one too many. */
  count(address: string): Promise<boolean>;
  /** The server's next request on this connection is one that was counted. */
  skipNext(socket: Socket): void;
}

/**
 * By address, IPv6 by its /64: whoever has one IPv6 address has all of its network. For every request, before anything else.
 * Undefined: there is no limit.
 */
export function limitAddresses(server: FastifyInstance, { requestsPerSecond, exempt }: AddressLimit): SenderLimit | undefined {
  if (requestsPerSecond === 0) return undefined;
  const isExempt = createNetworkCheck(exempt);
  const check = limitBy(server, requestsPerSecond);
  const counted = new WeakSet<Socket>();
  server.addHook('onRequest', (request, _reply, done) => {
    if (counted.delete(request.raw.socket) || isExempt(request.ip)) return done();
    check(request).then(() => done(), done);
  });
  return {
    async count(address) {
      if (isExempt(address)) return true;
      try {
        // All that the limit asks of a request.
        await check({ ip: address, routeOptions: {} } as FastifyRequest);
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === 'too_many_requests') return false;
        throw error;
      }
    },
    skipNext: (socket) => void counted.add(socket),
  };
}

function limitBy(server: FastifyInstance, requestsPerSecond: number, senderOf?: (request: FastifyRequest) => string): RequestLimit {
  const check = server.createRateLimit({
    max: Math.max(1, Math.round((requestsPerSecond * WINDOW_MS) / 1_000)),
    timeWindow: WINDOW_MS,
    ...(senderOf === undefined ? {} : { keyGenerator: senderOf }),
  });
  return async (request) => {
    const state = await check(request);
    if (state.isAllowed || !state.isExceeded) return;
    throw new AppError('too_many_requests', `expected at most ${requestsPerSecond} requests a second, over ${WINDOW_MS / 1_000} s`, {
      retryAfterSeconds: Math.max(1, state.ttlInSeconds),
    });
  };
}

function createNetworkCheck(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

import { BlockList, isIP } from 'node:net';
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

/** By address, IPv6 by its /64: whoever has one IPv6 address has all of its network. For every request, before anything else. */
export function limitAddresses(server: FastifyInstance, { requestsPerSecond, exempt }: AddressLimit): void {
  if (requestsPerSecond === 0) return;
  const isExempt = createNetworkCheck(exempt);
  const check = limitBy(server, requestsPerSecond);
  server.addHook('onRequest', (request, _reply, done) => {
    if (isExempt(request.ip)) return done();
    check(request).then(() => done(), done);
  });
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

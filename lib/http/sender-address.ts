import type { IncomingMessage } from 'node:http';
import proxyAddress from '@fastify/proxy-addr';

/**
 * Who sent a request: the peer, or, where the peer is a proxy that is believed, whom its `X-Forwarded-For` names. Reads as the
 * server does, by the same library.
 * @param trustProxy networks (CIDR) of the proxies
 */
export function createSenderReader(trustProxy: readonly string[]): (peer: string, forwardedFor: string | undefined) => string {
  if (trustProxy.length === 0) return (peer) => peer;
  const isTrusted = proxyAddress.compile([...trustProxy]);
  return (peer, forwardedFor) => {
    if (forwardedFor === undefined) return peer;
    const request = { socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': forwardedFor } };
    return proxyAddress(request as unknown as IncomingMessage, isTrusted);
  };
}

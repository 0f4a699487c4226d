import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Only this block of IPv6 is handed out as public unicast (IANA IPv6 address space); all else is refused, known or not. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/**
 * Says why an address must not be dialled, or nothing where it is public. Fails closed: what does not parse is refused.
 *
 * The ranges are those of ipaddr.js (IANA special-purpose registries, RFC 6890). Decided here, because it is too lenient:
 * - `::/96` (IPv4-compatible, RFC 4291 2.5.5.1) and whatever else lies outside of 2000::/3. It calls `::7f00:1` plain
 *   unicast, and reads `::8.8.8.8`, the way in which a resolver prints such an address, as `::ffff:8.8.8.8`: so an
 *   IPv6 address is written in hexadecimal before it is read
 * - short forms (`1.2.3`): they are not addresses
 */
export function refuseAddress(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return `expected an IP address without a zone, got ${JSON.stringify(address)}`;
  const parsed = ipaddr.process(family === 6 ? inHexadecimal(address) : address);
  const range = parsed.range();
  if (range !== 'unicast') return `${address} is not public: ${range}`;
  if (parsed.kind() === 'ipv6' && !parsed.match(GLOBAL_UNICAST)) return `${address} is not public: outside of 2000::/3`;
  return undefined;
}

/** An IPv6 address as the URL parser writes it: without a dotted part. */
function inHexadecimal(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

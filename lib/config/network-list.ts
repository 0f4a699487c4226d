import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/**
 * Networks in CIDR form, separated by commas: `10.0.0.0/8,fd00::/8`. A count of hops, `true` and a network of everything
 * are refused: with them any sender could say that it is somebody else.
 */
export const networkList: z.ZodType<readonly string[]> = z.string().transform((text, context) => {
  const networks = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  for (const network of networks) if (!isNetwork(network)) context.addIssue({ code: 'custom', message: EXPECTED });
  return networks;
});

const EXPECTED = 'expected networks like 10.0.0.0/8 or fd00::/8 with commas between them, none of them everything';

function isNetwork(text: string): boolean {
  // Addresses in short or octal forms are read differently by different readers.
  const [address = ''] = text.split('/');
  const isPlain = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  return isPlain && ipaddr.isValidCIDR(text) && ipaddr.parseCIDR(text)[1] > 0;
}

import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { refuseAddress } from './address.ts';

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export const systemResolve: Resolve = (hostname) => systemLookup(hostname, { all: true, order: 'verbatim' });

/** The name stands for an address that must not be dialled. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/**
 * The lookup of a socket that is about to be opened. The socket dials exactly what it returns, so an answer that changes
 * between a check and the dial (DNS rebinding) has nothing to change. One bad address among good ones refuses the name:
 * which one would be dialled is not ours to choose.
 */
export function guardedLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    const fail = (error: Error): void => (callback as (error: Error) => void)(error);
    resolve(hostname).then((addresses) => {
      for (const { address } of addresses) {
        const because = refuseAddress(address);
        if (because !== undefined) return fail(new AddressRefused(`${hostname}: ${because}`));
      }
      const first = addresses[0];
      if (first === undefined) return fail(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }));
      if (options.all === true) return callback(null, [...addresses]);
      return callback(null, first.address, first.family);
    }, fail);
  };
}

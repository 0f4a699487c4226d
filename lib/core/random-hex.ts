import { randomFillSync } from 'node:crypto';

/** Drawn at once: a call to the system's generator costs the same for 8 bytes as for thousands. */
const pool = Buffer.alloc(8_192);
let used = pool.length;

/** `bytes` random bytes of the system's generator as hex digits; each byte of it is given out once. At most 8,192. */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

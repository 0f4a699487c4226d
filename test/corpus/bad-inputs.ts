import { BAD_BODIES } from './bad-bodies.ts';
import { BAD_FRAMING } from './bad-framing.ts';
import { BAD_HEADERS } from './bad-headers.ts';
import type { BadInput } from './bad-input.ts';

/** The corpus of the door: what nobody should send, and what everybody who does is answered. */
export const BAD_INPUTS: readonly BadInput[] = [...BAD_BODIES, ...BAD_HEADERS, ...BAD_FRAMING];

import type { Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';

/**
 * Where a command goes that a replay repeats and diverts:
 * - `none`: it is not diverted
 * - `to`: the first target that this channel can reach
 * - `nowhere`: it is diverted, and to nothing that this channel can reach. It must not go to its recipient
 */
export type Diversion<Target> =
  | { readonly kind: 'none' }
  | { readonly kind: 'to'; readonly target: Target }
  | { readonly kind: 'nowhere'; readonly targets: string };

/** Reads it off a command; `find` knows which targets are this channel's. */
export function diversionOf<Target>({ headers }: Message, find: (target: string) => Target | undefined): Diversion<Target> {
  const targets = headers[HEADERS.divert];
  if (targets === undefined) return { kind: 'none' };
  for (const name of targets.split(',')) {
    const target = find(name.trim());
    if (target !== undefined) return { kind: 'to', target };
  }
  return { kind: 'nowhere', targets };
}

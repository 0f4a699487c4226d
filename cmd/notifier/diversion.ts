import { InvalidInput } from '../../lib/actor/define-actor.ts';
import type { Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';

/**
 * Where a replay sends the effect of this message instead of to its recipient: the first of its targets that fits. Undefined
 * where it goes to its recipient. Throws `InvalidInput` where it is to go elsewhere and nothing fits: never to the recipient then.
 */
export function diversionOf({ headers }: Message, fits: RegExp, expected: string): string | undefined {
  const targets = headers[HEADERS.divert];
  if (targets === undefined) return undefined;
  const target = targets.split(', ').find((text) => fits.test(text));
  if (target === undefined)
    throw new InvalidInput(`${HEADERS.divert}: expected ${expected} among the targets of the replay, got ${targets}`);
  return target;
}

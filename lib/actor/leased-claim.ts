import { isBroken } from '../core/guards.ts';
import type { Attempt } from './attempt.ts';
import type { Claims } from './claims.ts';
import type { Message } from './message.ts';
import type { Unit } from './unit.ts';

/**
 * Claims effects of one message. What is granted may be begun only while the lease holds: the process may have stood still since it has
 * asked, and the next owner may have begun the effect once more. The answer is then an error, and the effect is free again.
 */
export function leasedClaim(claims: Claims, unit: Pick<Unit, 'lease' | 'isLeased'>, message: Message, key: string): Attempt['claim'] {
  return async (request) => {
    const answer = await claims.claim(unit.lease, message, key, request);
    if (answer.kind === 'granted' && !unit.isLeased && !isBroken('claim-lease'))
      throw new Error('the lease ran out before the effect was begun');
    return answer;
  };
}

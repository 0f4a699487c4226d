import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../core/manual-clock.ts';
import { Claims } from './claims.ts';
import { leasedClaim } from './leased-claim.ts';
import type { Message } from './message.ts';
import type { ClaimAnswer, RecordPort } from './record-port.ts';

test('an effect that was granted begins only while the lease holds, and what is done or held is told in any case', async () => {
  let answer: ClaimAnswer = { kind: 'granted', repeated: false };
  const unit = { lease: { actor: 'tester', partition: 0, epoch: 1 }, isLeased: true };
  const record = {
    claim: (claims: readonly unknown[]) => {
      // The process stands still until the answer is here.
      unit.isLeased = false;
      return Promise.resolve(claims.map(() => answer));
    },
    isTransient: () => false,
  } as Partial<RecordPort> as RecordPort;
  const claims = new Claims({ record, clock: new ManualClock(), nonce: 'life' });
  const message = { id: 'm1', stream: 'COMMANDS', seq: 1, priority: 'default' } as Message;
  const claim = leasedClaim(claims, unit, message, 'a');
  const request = { id: 'm1/tell', name: 'tell', onUnknown: 'hold', signal: new AbortController().signal } as const;
  await assert.rejects(claim(request), /lease ran out/);
  for (answer of [{ kind: 'done', result: 1 }, { kind: 'held' }, { kind: 'fenced' }] as const)
    assert.deepEqual(await claim(request), answer);
});

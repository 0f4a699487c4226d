import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNight, patience } from '../lib/dev/test-scale.ts';
import { compare, FAILING, p99OfOthers, RATIO_BELOW, textsOf } from './other-keys.ts';
import { releaseWorkflow } from '../lib/dev/release-events.ts';
import { openSystem, until } from './system-bed.ts';

/** A fifth of the default, so that five retries take 3 s on average. */
const BASE_MS = 200;
const TAGS = ['first', 'second', 'third', 'fourth'];

test('a message that fails five times is sent once and in order, and slows no other key of its lane down', async (t) => {
  const system = await openSystem(t, [releaseWorkflow('key', 'repeat')], { env: { SLACK_RETRY_BASE_MS: String(BASE_MS) } });
  if (isNight) await p99OfOthers(system, 'warm');
  let round = 0;
  const { ratio, told } = await compare(
    async () => await p99OfOthers(system, `without-${round}`),
    async () => {
      const repository = `${FAILING}-${round}`;
      await system.behave({ match: { textIncludes: `${repository} first` }, times: 5, answer: { status: 500 } });
      for (const tag of TAGS) assert.equal((await system.post({ repository, tag })).status, 202);
      const p99 = await p99OfOthers(system, `with-${round++}`);
      await until(`the four of ${repository} arrived`, async () => (await textsOf(system, repository)).length === TAGS.length);
      const expected = TAGS.map((tag) => `${repository} ${tag}`);
      assert.deepEqual(await textsOf(system, repository), expected);
      const tries = (await system.attempts()).filter(({ text }) => text === expected[0]);
      assert.deepEqual(
        tries.map(({ status }) => status),
        [500, 500, 500, 500, 500, 200],
      );
      assert.equal(new Set(tries.map(({ idempotencyKey }) => idempotencyKey)).size, 1, 'one effect has one idempotency key');
      assertSpaced(tries.map(({ at }) => Date.parse(at)));
      return p99;
    },
  );
  t.diagnostic(told);
  assert.ok(ratio < RATIO_BELOW, told);
});

/** Each wait is uniform below a bound that doubles. */
function assertSpaced(times: readonly number[]): void {
  const waits = times.slice(1).map((time, i) => time - times[i]!);
  // A second more, for a machine that is busy ten.
  for (const [i, ms] of waits.entries()) assert.ok(ms <= BASE_MS * 2 ** i + patience(1_000), `the wait after try ${i + 1} was ${ms} ms`);
  // The sum of five stays below the bound of the first once in 100,000 times.
  assert.ok(times.at(-1)! - times[0]! > BASE_MS, `the waits were ${waits.join(', ')} ms`);
}

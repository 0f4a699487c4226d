import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { NumberAccount } from './number-account.ts';

test('an account knows, in whatever order numbers come, which are there, which are missing and how many came again', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }), (numbers) => {
      const account = new NumberAccount();
      for (const number of numbers) account.add(number, 0);
      const there = new Set(numbers);
      assert.equal(account.count, there.size);
      assert.equal(account.repeated, numbers.length - there.size);
      assert.equal(account.begin, numbers[0]);
      assert.equal(account.last, numbers.length === 0 ? undefined : Math.max(...numbers));
      const all = Array.from({ length: 40 }, (_, index) => index + 1);
      assert.deepEqual(
        all.filter((number) => account.has(number)),
        all.filter((number) => there.has(number)),
      );
      const missing = account.missing(1, 40).flatMap(({ from, to }) => all.slice(from - 1, to));
      assert.deepEqual(
        missing,
        all.filter((number) => !there.has(number)),
      );
    }),
  );
});

test('a number that was passed by a moment ago is not missing yet', () => {
  const account = new NumberAccount();
  account.add(1, 1_000);
  account.add(4, 5_000);
  assert.deepEqual(account.missing(1, 4, 5_000), []);
  assert.deepEqual(account.missing(1, 4, 5_001), [{ from: 2, to: 3 }]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fc } from '../dev/fast-check.ts';

import { scaled } from '../dev/test-scale.ts';
import type { Journal } from './journal.ts';
import { journalPath, offer, openTestJournal } from './test-journal.ts';

/** What a journal has to be, without a disk. */
class Model {
  readonly waiting = new Map<number, string>();
  readonly ids = new Map<string, number>();
  lastNumber = 0;
  confirmed = 0;

  append(id: string, isRemembered: boolean): { number: number; duplicate: boolean } {
    const first = isRemembered ? this.ids.get(id) : undefined;
    if (first !== undefined) return { number: first, duplicate: true };
    this.lastNumber += 1;
    this.waiting.set(this.lastNumber, id);
    if (isRemembered) this.ids.set(id, this.lastNumber);
    return { number: this.lastNumber, duplicate: false };
  }
}

const offerArbitrary = fc.record({
  id: fc.integer({ min: 0, max: 30 }).map(String),
  isRemembered: fc.boolean(),
  bytes: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 12_000 })),
});

const stepArbitrary = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      calls: fc.array(fc.array(offerArbitrary, { maxLength: 4 }), { maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('forget' as const), numbers: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

test('whatever is appended, forgotten and reopened in whichever order, the journal does what its model does', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 12 }), async (steps) => {
      const path = journalPath(t);
      const model = new Model();
      let journal: Journal = await openTestJournal(t, path);
      for (const step of steps) {
        if (step.kind === 'append') {
          // Offered at once: the order of the calls is the order of the numbers.
          const appended = await Promise.all(step.calls.map((call) => journal.append(call.map((one) => offer(one.id, one)))));
          const expected = step.calls.map((call) => call.map(({ id, isRemembered }) => model.append(id, isRemembered)));
          assert.deepEqual(appended, expected);
        } else if (step.kind === 'forget') {
          await journal.forget(step.numbers.map((number) => ({ number, logSeq: number + 1_000 })));
          for (const number of step.numbers) model.waiting.delete(number);
          model.confirmed = (step.numbers.at(-1) ?? model.confirmed - 1_000) + 1_000;
        } else {
          await journal.close();
          journal = await openTestJournal(t, path);
        }
        const records = journal.read(0, 1_000);
        assert.deepEqual(
          records.map(({ number, emit }) => [number, emit.id]),
          [...model.waiting],
        );
        const { depth, ids, lastNumber, confirmedLogSeq, bytes, damaged } = journal.status();
        assert.deepEqual(
          { depth, ids, lastNumber, confirmedLogSeq, damaged },
          { depth: model.waiting.size, ids: model.ids.size, lastNumber: model.lastNumber, confirmedLogSeq: model.confirmed, damaged: 0 },
        );
        assert.equal(bytes === 0, depth === 0);
      }
      await journal.close();
    }),
    { numRuns: scaled({ day: 15, night: 40 }) },
  );
});

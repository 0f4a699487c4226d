import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { until } from './conformance/bench.ts';
import type { SettleBatch } from './record-port.ts';
import { Settler } from './settler.ts';
import { SimulatedRecord } from './simulation/simulated-record.ts';
import { silentLog } from './simulation/silence.ts';
import { createCuttable } from './simulation/cuttable.ts';
import { SimulatedBroker } from './simulation/simulated-broker.ts';

const unit = { actor: 'tester', partition: 0, epoch: 1 };
const never = (): never => assert.fail('not refused');

test('what is published while a batch is taken apart is let go like all the rest', async () => {
  // A busy machine may let go of one more turn in between, and the batch is then taken apart in more steps.
  const gone = new Set<string>();
  const ended: string[] = [];
  const broker = new SimulatedBroker(systemClock, () => 'S');
  const { record } = createCuttable(broker, new SimulatedRecord(systemClock), systemClock);
  const settle = (batch: SettleBatch): Promise<{ refused: [] }> => {
    if (batch.rows.some(({ row }) => row === 'poison')) {
      settler.forget(unit, `during ${batch.rows.length}`, 1);
      return Promise.reject(new TypeError('not a row'));
    }
    for (const { id } of batch.published) gone.add(id);
    return Promise.resolve({ refused: [] });
  };
  const settler = new Settler({ record: { ...record, settle }, clock: systemClock, log: silentLog, onBatch: () => undefined });
  settler.forget(unit, 'before', 1);
  for (const row of ['poison', 'good'])
    settler.submit({
      unit,
      rows: [row],
      onCommitted: () => ended.push(`${row} committed`),
      onRefused: never,
      onPoisoned: () => ended.push(`${row} poisoned`),
    });
  await until('all is let go', () => gone.size === 3);
  assert.deepEqual([...gone].toSorted(), ['before', 'during 1', 'during 2']);
  assert.deepEqual(ended, ['poison poisoned', 'good committed']);
});

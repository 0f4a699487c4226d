import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PRIORITIES, type Priority } from '../core/priority.ts';
import { Scheduler } from './scheduler.ts';

function filled(slots: number, each: number): Scheduler<Priority> {
  const scheduler = new Scheduler<Priority>(slots);
  for (const priority of PRIORITIES) for (let i = 0; i < each; i++) scheduler.offer(priority, '', priority);
  return scheduler;
}

test('starts are shared 16 : 4 : 1 while all priorities have work', () => {
  const scheduler = filled(8, 1_000);
  const starts: Record<Priority, number> = { critical: 0, default: 0, bulk: 0 };
  for (let i = 0; i < 210; i++) {
    const priority = scheduler.take()!;
    starts[priority]++;
    scheduler.finish(priority, '');
  }
  assert.deepEqual(starts, { critical: 160, default: 40, bulk: 10 });
});

test('bulk holds at most half of the slots, and one eighth is left for critical alone', () => {
  const scheduler = new Scheduler<Priority>(16);
  for (let i = 0; i < 20; i++) scheduler.offer('bulk', `one ${i}`, 'bulk');
  let bulk = 0;
  while (scheduler.take() !== undefined) bulk++;
  assert.equal(bulk, 8);
  for (let i = 0; i < 20; i++) scheduler.offer('default', `two ${i}`, 'default');
  let normal = 0;
  while (scheduler.take() !== undefined) normal++;
  assert.equal(normal, 6);
  scheduler.offer('critical', 'two', 'critical');
  assert.equal(scheduler.take(), 'critical');
});

test('with a single slot every priority still runs', () => {
  const scheduler = filled(1, 1);
  const seen: Priority[] = [];
  for (let i = 0; i < 3; i++) {
    const priority = scheduler.take()!;
    assert.equal(scheduler.take(), undefined);
    seen.push(priority);
    scheduler.finish(priority, '');
  }
  assert.deepEqual(seen.sort(), ['bulk', 'critical', 'default']);
});

test('work of one priority comes out in the order in which it was offered', () => {
  const scheduler = new Scheduler<number>(4_000);
  const out: number[] = [];
  for (let i = 0; i < 500; i++) {
    scheduler.offer('critical', '', i);
    if (i % 3 === 0) out.push(scheduler.take()!);
  }
  for (let work = scheduler.take(); work !== undefined; work = scheduler.take()) out.push(work);
  assert.deepEqual(
    out,
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('sources of one priority take turns, however much one has', () => {
  const scheduler = new Scheduler<string>(4);
  for (let i = 0; i < 100; i++) scheduler.offer('default', 'noisy', 'noisy');
  for (let i = 0; i < 5; i++) scheduler.offer('default', 'quiet', 'quiet');
  const starts: string[] = [];
  for (let i = 0; i < 10; i++) {
    const source = scheduler.take()!;
    starts.push(source);
    scheduler.finish('default', source);
  }
  assert.equal(starts.filter((source) => source === 'quiet').length, 5);
  assert.equal(scheduler.take(), 'noisy');
});

test('one source leaves an eighth of the slots, of all priorities together, where there are eight', () => {
  const scheduler = new Scheduler<string>(16);
  for (let i = 0; i < 40; i++) for (const priority of PRIORITIES) scheduler.offer(priority, 'noisy', 'noisy');
  let noisy = 0;
  while (scheduler.take() !== undefined) noisy++;
  assert.equal(noisy, 14);
  scheduler.offer('critical', 'quiet', 'quiet');
  assert.equal(scheduler.take(), 'quiet');
  const few = new Scheduler<string>(4);
  for (let i = 0; i < 10; i++) few.offer('critical', 'only', 'only');
  let all = 0;
  while (few.take() !== undefined) all++;
  assert.equal(all, 4);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { scaled } from '../dev/test-scale.ts';
import {
  MINUTES,
  openRelayWorld as openWorld,
  playRelay,
  READ_BACK_TURNS,
  relayViolations,
  type RelayWorld,
  restartRelay as restart,
} from './simulation/relay-world.ts';

function assertAllOnceInOrder(world: RelayWorld): void {
  assert.deepEqual(relayViolations(world), []);
}

const pause = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 50, max: 5_000 }),
  fc.integer({ min: MINUTES, max: 10 * MINUTES }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('accept' as const),
      keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 30 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: pause }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'freeze' as const, 'kill' as const, 'full' as const), ms: pause }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('loss' as const), share: fc.constantFrom(0, 0.1, 0.5) }) },
);

const whateverHappens = fc.asyncProperty(
  fc.array(step, { maxLength: 40 }),
  fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
  async (steps, chances) => {
    const world = openWorld(() => chances.next().value as number);
    await playRelay(world, steps);
    assertAllOnceInOrder(world);
  },
);

/** Seeds that failed once. 2009178305: a second try lay in a broker that stood still for longer than its window for duplicates. */
const KEPT_SEEDS = [2_009_178_305];

test('whatever is lost, killed, frozen or full, each event is in the log once and in its key’s order', async () => {
  for (const seed of KEPT_SEEDS) await fc.assert(whateverHappens, { seed, numRuns: 10 });
  await fc.assert(whateverHappens, { numRuns: scaled({ day: 25, night: 100 }) });
});

test('an event whose answer was lost is found below what the log confirmed later', async () => {
  const world = openWorld();
  const { clock, log, journal } = world;
  log.loseAnswerTo('event-1');
  await world.accept('a');
  await world.accept('b');
  await clock.advance(400);
  assert.deepEqual([log.stored.length, journal.status().depth], [2, 1]);
  world.life.kill();
  // Beyond the broker's window: only reading back can tell.
  await clock.advance(3 * MINUTES);
  restart(world);
  await clock.advance(1_000);
  assertAllOnceInOrder(world);
});

test('a restored log is read from its beginning, and counted on from where its backup ended', async () => {
  const world = openWorld();
  const { clock, log, journal } = world;
  for (let count = 0; count < 20; count += 1) await world.accept('a');
  await clock.advance(2_000);
  log.setOpen(false);
  log.restore(5);
  world.accepted.length = 5;
  await clock.advance(5 * MINUTES);
  log.setOpen(true);
  log.loseAnswerTo('after-0');
  await world.accept('a', 'after-0');
  await clock.advance(400);
  world.life.kill();
  await clock.advance(3 * MINUTES);
  restart(world);
  await clock.advance(1_000);
  assertAllOnceInOrder(world);

  log.loseAnswerTo('after-1');
  await world.accept('a', 'after-1');
  await world.accept('b', 'after-2');
  await clock.advance(400);
  assert.deepEqual([log.stored.length, journal.status().depth, journal.status().confirmedLogSeq], [8, 1, 6]);
  world.life.kill();
  await clock.advance(3 * MINUTES);
  restart(world);
  await clock.advance(1_000);
  assertAllOnceInOrder(world);
});

test('what the log refuses for good is kept with its reason, holds nobody up, and is tried again at the next start', async () => {
  const world = openWorld();
  const { clock, log, journal } = world;
  log.refusedIds.add('event-2');
  for (const key of ['a', 'a', 'a', 'b']) await world.accept(key);
  await clock.advance(1_000);
  assert.deepEqual(log.stored.map(({ id }) => id).toSorted(), ['event-1', 'event-3', 'event-4']);
  const { refused, lagMs } = world.life.relay.status();
  assert.deepEqual([refused.map(({ number, id }) => [number, id]), lagMs], [[[2, 'event-2']], 0]);
  assert.match(refused[0]!.because, /is not taken/);
  assert.equal(journal.status().depth, 1);
  log.refusedIds.clear();
  restart(world);
  await clock.advance(1_000);
  assert.deepEqual([log.stored.at(-1)?.id, journal.status().depth], ['event-2', 0]);
});

test('what waits has its age, also behind more that is confirmed or refused than is read at once, and cannot be forgotten', async () => {
  const world = openWorld();
  const { clock, log, journal } = world;
  log.refusedIds.add('event-1');
  journal.isFull = true;
  for (let count = 0; count < 100; count += 1) await world.accept('a');
  await clock.advance(2_000);
  assert.deepEqual([log.stored.length, journal.status().depth, world.life.relay.status().lagMs], [99, 100, 0]);
  log.setOpen(false);
  await world.accept('a');
  await clock.advance(5_000);
  assert.equal(world.life.relay.status().lagMs, 5_000);
});

test('a stream that is not there refuses nothing for good', async () => {
  const world = openWorld();
  const { clock, log } = world;
  log.setThere(false);
  await world.accept('a');
  await clock.advance(5_000);
  log.setThere(true);
  await clock.advance(1_000);
  log.setThere(false);
  await world.accept('a');
  await clock.advance(5_000);
  assert.deepEqual([world.life.relay.status().refused, world.life.relay.status().lagMs], [[], 5_000]);
  log.setThere(true);
  await clock.advance(1_000);
  assertAllOnceInOrder(world);
});

test('who waits for the log hears of the confirmation, of its own time-out, and at once of a relay that is behind', async () => {
  const world = openWorld();
  const { clock, log } = world;
  await clock.advance(1);
  const { relay } = world.life;
  const confirmed = relay.whenConfirmed({ number: await world.accept('a'), duplicate: false }, 250);
  await clock.advance(50);
  assert.equal(await confirmed, true);
  assert.equal(await relay.whenConfirmed({ number: 1, duplicate: true }, 250), true, 'a duplicate of one that the log has');

  log.setFrozen(true);
  const late = relay.whenConfirmed({ number: await world.accept('a'), duplicate: false }, 250);
  await clock.advance(251);
  assert.equal(await late, false);
  assert.equal(await relay.whenConfirmed({ number: await world.accept('b'), duplicate: false }, 250), false, 'no time passes');
  assert.equal(await relay.whenConfirmed({ number: 2, duplicate: true }, 250), false, 'a duplicate of one that waits');
  log.setFrozen(false);
  await clock.advance(2_000);
  assert.equal(await relay.whenConfirmed({ number: 2, duplicate: true }, 250), true);
});

test('a backlog drains at the given rate, and faster only where events are accepted faster', async () => {
  const world = openWorld(undefined, 100);
  const { clock, log } = world;
  log.setOpen(false);
  for (let count = 0; count < 500; count += 1) await world.accept(`key${count}`);
  await clock.advance(MINUTES);
  log.setOpen(true);
  await clock.turns(READ_BACK_TURNS);
  await clock.advance(2_000);
  assert.ok(log.stored.length > 150 && log.stored.length < 230, `${log.stored.length} after 2 s`);
  await clock.advance(4_000);
  assert.equal(log.stored.length, 500);

  for (let tick = 0; tick < 200; tick += 1) {
    for (let count = 0; count < 5; count += 1) await world.accept(`live${count}`);
    await clock.advance(25);
  }
  const waiting = world.accepted.length - log.stored.length;
  assert.ok(waiting < 50, `${waiting} wait at 200 a second`);
});

test('a stop relays what is left for a bounded time, and leaves the rest in the journal', async () => {
  const world = openWorld(undefined, 100);
  const { clock, log, journal } = world;
  log.setOpen(false);
  for (let count = 0; count < 200; count += 1) await world.accept('a');
  log.setOpen(true);
  await clock.turns(READ_BACK_TURNS);
  await clock.advance(1);
  const stopping = world.life.relay.stop(1_000);
  await clock.advance(1_001);
  await stopping;
  const { depth } = journal.status();
  assert.ok(depth > 0 && depth < 200, `${depth} are left`);
  await clock.advance(MINUTES);
  assert.equal(journal.status().depth, depth);
  restart(world);
  await clock.turns(READ_BACK_TURNS);
  await clock.advance(MINUTES);
  assertAllOnceInOrder(world);
});

test('a stop ends in its time where the journal’s disk does not answer any more', async () => {
  const world = openWorld();
  const { clock, journal } = world;
  await clock.turns(READ_BACK_TURNS);
  await world.accept('a');
  journal.forget = () => new Promise(() => undefined);
  await clock.advance(1_000);
  let isOver = false;
  void world.life.relay.stop(1_000).then(() => (isOver = true));
  await clock.advance(1_001);
  await clock.turns(READ_BACK_TURNS);
  assert.ok(isOver);
});

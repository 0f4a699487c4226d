import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../lib/dev/fast-check.ts';
import { checkEvidence, type Evidence, FINDING_KINDS, type FindingKind, upperBound } from './checker.ts';
import { endOfTry, type Fate, type SentEvent } from './sent-event.ts';

/** What a sender saw of one event, and what the system did with it. */
interface Life {
  readonly key: number;
  /** From its invocation to its end, in steps between the invocations of others. */
  readonly takes: number;
  /** `lost-answer`: stored, and the sender does not know. */
  readonly door: 'stored' | 'lost-answer' | 'refused' | 'never-came';
  readonly fate: Exclude<Fate, 'open'>;
  readonly repeats: number;
  /** Whether the effect of a held or dead event came to the peer. */
  readonly hasArrived: boolean;
}

const anyLife: fc.Arbitrary<Life> = fc.record({
  key: fc.nat(3),
  takes: fc.nat(4),
  door: fc.constantFrom('stored', 'stored', 'stored', 'lost-answer', 'refused', 'never-came'),
  fate: fc.constantFrom('done', 'done', 'held', 'dead', 'unrouted'),
  repeats: fc.nat(2),
  hasArrived: fc.boolean(),
});

/** A right system's evidence: each key in the order of invocation, each effect as often as the ledger has it. */
function rightEvidence(lives: readonly Life[]): Evidence & { readonly arrivals: readonly string[] } {
  const counts = new Map<number, number>();
  const stored: { life: Life; event: SentEvent }[] = [];
  const sent = lives.map((life, at): SentEvent => {
    const number = counts.get(life.key) ?? 0;
    counts.set(life.key, number + 1);
    const isOk = life.door === 'stored';
    const event: SentEvent = {
      key: `k${life.key}`,
      number,
      delivery: `k${life.key}-${number}`,
      invokedAt: at * 10,
      okAt: isOk ? at * 10 + life.takes * 10 + 5 : undefined,
      end: isOk ? 'ok' : life.door === 'refused' ? 'fail' : 'unknown',
      mayEnd: [life.fate],
    };
    if (isOk || life.door === 'lost-answer') stored.push({ life, event });
    return event;
  });
  const log = stored.map(({ event: { delivery, key } }, index) => ({ seq: index + 1, id: `id-${delivery}`, delivery, key, journal: 'j1' }));
  const arrivals = stored.flatMap(({ life, event }) =>
    life.fate === 'done' || (life.hasArrived && life.fate !== 'unrouted')
      ? Array.from({ length: 1 + life.repeats }, () => event.delivery)
      : [],
  );
  return {
    sent,
    log,
    fates: new Map(stored.map(({ life, event }) => [`id-${event.delivery}`, life.fate])),
    ledger: new Map(stored.map(({ life, event }) => [`id-${event.delivery}`, { repeats: life.repeats }])),
    arrivals,
    unaccounted: [],
  };
}

function kindsOf(evidence: Evidence): FindingKind[] {
  const findings = checkEvidence(evidence);
  return FINDING_KINDS.filter((kind) => findings[kind].length > 0);
}

test('whatever the senders saw, a right system has no finding', () => {
  fc.assert(
    fc.property(fc.array(anyLife, { maxLength: 60 }), (lives) => {
      assert.deepEqual(kindsOf(rightEvidence(lives)), []);
    }),
  );
});

/** Ten acknowledged events of one key, all done, each acknowledged before the next was sent. */
const plain = rightEvidence(
  Array.from({ length: 10 }, () => ({ key: 0, takes: 0, door: 'stored', fate: 'done', repeats: 0, hasArrived: true })),
);

/** As it would be if these numbers of the log's events were not there at all. */
function without(numbers: readonly number[]): Evidence {
  const gone = new Set(numbers.map((number) => `k0-${number}`));
  return {
    ...plain,
    log: plain.log.filter(({ delivery }) => !gone.has(delivery)),
    arrivals: plain.arrivals.filter((delivery) => !gone.has(delivery)),
  };
}

function swapped<Item>(items: readonly Item[], a: number, b: number): Item[] {
  return items.map((item, index) => items[index === a ? b : index === b ? a : index] ?? item);
}

test('events that are lost are told by where they were', () => {
  assert.deepEqual(kindsOf(without([0, 1])), ['lost-prefix']);
  assert.deepEqual(kindsOf(without([4])), ['lost-middle']);
  assert.deepEqual(kindsOf(without([8, 9])), ['lost-postfix']);
  assert.deepEqual(kindsOf(without(plain.sent.map(({ number }) => number))), ['lost-postfix']);
  assert.deepEqual(kindsOf(without([0, 5, 9])), ['lost-prefix', 'lost-middle', 'lost-postfix']);
  assert.equal(checkEvidence(without([2, 3]))['lost-middle'].length, 2);
});

test('an event whose sender does not know may be there or not; one that was refused must not', () => {
  const unknown = plain.sent.map((event) => ({ ...event, end: 'unknown' as const, okAt: undefined }));
  assert.deepEqual(kindsOf({ ...plain, sent: unknown }), []);
  assert.deepEqual(kindsOf({ ...without([3, 9]), sent: unknown }), []);
  const refused = plain.sent.map((event) => (event.number === 3 ? { ...event, end: 'fail' as const, okAt: undefined } : event));
  assert.deepEqual(kindsOf({ ...plain, sent: refused }), ['phantom']);
});

test('an event twice in the log, and one that nobody has sent, are found', () => {
  const again = { ...plain.log[4]!, seq: 11 };
  assert.deepEqual(kindsOf({ ...plain, log: [...plain.log, again] }), ['duplicate']);
  const invented = { seq: 11, id: 'id-x', delivery: 'x', key: 'k0', journal: 'j1' };
  assert.deepEqual(kindsOf({ ...plain, log: [...plain.log, invented] }), ['phantom']);
  assert.deepEqual(kindsOf({ ...plain, arrivals: [...plain.arrivals, 'x'] }), ['phantom']);
});

test('an order that nobody can have wanted is found in the log and at the peer', () => {
  const log = swapped(plain.log, 2, 7).map((event, index) => ({ ...event, seq: index + 1 }));
  const inLog = checkEvidence({ ...plain, log, arrivals: log.map(({ delivery }) => delivery) });
  assert.ok(inLog.order.length > 0);
  const late = { ...plain, arrivals: swapped(plain.arrivals, 2, 3) };
  assert.deepEqual(kindsOf(late), ['order']);
  // One that was repeated, or is held, may have been on its way for as long as its sender stood still.
  assert.deepEqual(kindsOf({ ...late, ledger: new Map([...plain.ledger, ['id-k0-2', { repeats: 1 }]]) }), []);
  // Two journals are relayed independently of each other.
  const other = log.map((event) => (event.delivery === 'k0-7' || event.delivery === 'k0-2' ? { ...event, journal: 'j2' } : event));
  const apart = checkEvidence({ ...plain, log: other, arrivals: other.map(({ delivery }) => delivery) });
  assert.deepEqual(apart.order.length, 1);
  // Two that were under way at the same time may come in either order.
  const together = plain.sent.map((event) =>
    event.number < 2 ? { ...event, invokedAt: 0, okAt: 50 } : { ...event, invokedAt: 60 + event.number },
  );
  const either = swapped(plain.log, 0, 1).map((event, index) => ({ ...event, seq: index + 1 }));
  const sent = together.map((event) => (event.number < 2 ? event : { ...event, okAt: event.invokedAt }));
  assert.deepEqual(kindsOf({ ...plain, sent, log: either, arrivals: either.map(({ delivery }) => delivery) }), []);
});

test('an effect that came more often than the ledger has it, or never, is found', () => {
  const twice = plain.arrivals.flatMap((delivery) => (delivery === 'k0-4' ? [delivery, delivery] : [delivery]));
  assert.deepEqual(kindsOf({ ...plain, arrivals: twice }), ['repeated-effect']);
  const known = new Map([...plain.ledger, ['id-k0-4', { repeats: 1 }]] as const);
  assert.deepEqual(kindsOf({ ...plain, arrivals: twice, ledger: known }), []);
  assert.deepEqual(kindsOf({ ...plain, arrivals: twice, ledger: new Map([...plain.ledger, ['id-k0-4', { repeats: 0, effects: 2 }]]) }), []);
  assert.deepEqual(kindsOf({ ...plain, arrivals: plain.arrivals.slice(1) }), ['missing-effect']);
  assert.deepEqual(kindsOf({ ...plain, arrivals: undefined }), [], 'a peer that was not asked has not said anything');
});

test('an event that has not ended, or has ended otherwise than it may, is found', () => {
  const fates = new Map(plain.fates);
  fates.delete('id-k0-4');
  assert.deepEqual(kindsOf({ ...plain, fates }), ['wrong-end']);
  assert.deepEqual(kindsOf({ ...plain, fates: new Map([...plain.fates, ['id-k0-4', 'dead']]) }), ['wrong-end']);
  assert.deepEqual(kindsOf({ ...plain, unaccounted: ['lost: sequence 4'] }), ['unaccounted']);
});

test('any one event taken out of a right log is lost, whatever happened around it', () => {
  fc.assert(
    fc.property(fc.array(anyLife, { minLength: 1, maxLength: 40 }), fc.nat(), (lives, at) => {
      const evidence = rightEvidence(lives);
      const acknowledged = evidence.sent.filter(({ end }) => end === 'ok');
      fc.pre(acknowledged.length > 0);
      const { delivery } = acknowledged[at % acknowledged.length]!;
      const log = evidence.log.filter((event) => event.delivery !== delivery);
      const arrivals = evidence.arrivals.filter((arrived) => arrived !== delivery);
      const found = checkEvidence({ ...evidence, log, arrivals });
      assert.equal(found['lost-prefix'].length + found['lost-middle'].length + found['lost-postfix'].length, 1);
    }),
  );
});

test('an answer that may be too late says nothing, and the bound is the rule of three', () => {
  assert.deepEqual([202, 200, 401, 429, 503, 500, undefined].map(endOfTry), ['ok', 'ok', 'fail', 'fail', 'unknown', 'unknown', 'unknown']);
  assert.equal(upperBound(200_000), 1.5e-5);
});

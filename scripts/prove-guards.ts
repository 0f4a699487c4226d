import type { Guard } from '../lib/core/guards.ts';

/** What a guard is there for, and the test that notices when it is gone. */
export interface Proof {
  /** What happens without it. */
  readonly without: string;
  /** Seen from the project's root. */
  readonly file: string;
  /** The test's whole name. */
  readonly test: string;
}

const SIMULATED = 'lib/actor/conformance.test.ts';
const WORLDS = 'lib/actor/simulation/actor-world.test.ts';
const WHATEVER =
  'whatever is killed, paused, cut off, frozen or lost, every message ends once, in the order of its key, and no effect is repeated';
const RUNTIME = 'lib/actor/runtime.test.ts';
const SETTLED_FIRST = 'nothing is acknowledged, sent or let go on before its settling is committed';

/** Every guard has its row: a name in the code without one does not compile. */
export const PROOFS: Readonly<Record<Guard, Proof>> = {
  acknowledge: { without: 'the broker is told before the settling is committed', file: RUNTIME, test: SETTLED_FIRST },
  outbox: {
    without: 'outputs leave before the settling is committed',
    file: SIMULATED,
    test: 'simulated: an owner that lost its unit settles nothing and sends nothing',
  },
  release: { without: 'the next message of a key starts before the last one is settled', file: RUNTIME, test: SETTLED_FIRST },
  epoch: {
    without: 'the record takes what an old owner writes',
    file: 'lib/store/units.int.test.ts',
    test: 'an owner with an old epoch writes nothing, and its neighbours in the batch do',
  },
  lease: { without: 'an owner goes on when its lease is over', file: WORLDS, test: WHATEVER },
  'claim-lease': {
    without: 'an effect begins although the lease ran out while it was claimed',
    file: 'lib/actor/leased-claim.test.ts',
    test: 'an effect that was granted begins only while the lease holds, and what is done or held is told in any case',
  },
  'take-over': {
    without: 'a new owner reads on from where the last one had got to',
    file: SIMULATED,
    test: 'simulated: what was in flight at a kill comes again, first and in order, and nothing settled comes twice',
  },
  gap: {
    without: 'a message that somebody else took is not missed',
    file: SIMULATED,
    test: 'simulated: a delivery that somebody else took comes back, in order',
  },
  'own-pointing': {
    without: 'an own pointing without an answer counts as a reset by hand',
    file: 'lib/actor/consumer-pointer.test.ts',
    test: 'a pointing of which the answer was lost is nobody else’s reset, neither to its owner nor to the next one',
  },
  parking: {
    without: 'a key goes on while its head is tried again',
    file: SIMULATED,
    test: 'simulated: a failing head holds its key in order and no other key',
  },
  'retry-order': {
    without: 'what waits behind a head comes out in another order',
    file: SIMULATED,
    test: 'simulated: a long queue behind a waiting head keeps its order, also across a kill',
  },
  attempts: {
    without: 'a message is tried again for ever',
    file: SIMULATED,
    test: 'simulated: attempts end in one dead letter with its history, its copy and an advisory, and free the key',
  },
  ledger: {
    without: 'an effect runs although it is recorded as done',
    file: SIMULATED,
    test: 'simulated: an effect that is recorded as done is not run again',
  },
  suspects: {
    without: 'starts of what may have ended its process are not recorded',
    file: SIMULATED,
    test: 'simulated: where the log has forgotten what was in hand, only recorded starts count',
  },
  quarantine: {
    without: 'what ends its process runs beside others',
    file: SIMULATED,
    test: 'simulated: a message that kills its process each time is dead-lettered after its attempts, and no neighbour is',
  },
  'reserved-slots': {
    without: 'bulk may hold every slot',
    file: 'lib/actor/scheduler.test.ts',
    test: 'bulk holds at most half of the slots, and one eighth is left for critical alone',
  },
  'one-in-flight': {
    without: 'two messages of a key are on their way at once',
    file: 'lib/jetstream/publish-queue.test.ts',
    test: 'whatever happens to what is taken, a key never has two flights, keeps its order and loses nothing',
  },
  'lazy-sync': {
    without: 'a broker that confirms before it fsyncs is accepted',
    file: 'lib/jetstream/broker-check.int.test.ts',
    test: 'a broker with the default sync is refused, unless that is allowed',
  },
  dedupe: {
    without: 'the journal takes an id that it has seen',
    file: 'lib/journal/open-journal.test.ts',
    test: 'the same id sent many times at once, and again later, is one event; without an identity each is one',
  },
  'journal-fsync': {
    without: 'the door answers before the event is on the disk',
    file: 'test/journal-fsync.int.test.ts',
    test: 'no reply leaves before the fdatasync of its event has come back, under 64 connections',
  },
  'read-back': {
    without: 'the relay sends again without reading what the log has',
    file: 'lib/journal/relay.test.ts',
    test: 'an event whose answer was lost is found below what the log confirmed later',
  },
  audit: {
    without: 'the audit misses no number of a journal',
    file: 'cmd/processor/continuous-audit.int.test.ts',
    test: 'the audit that runs all the time counts what it cannot find, waits for what is not settled, and takes back what came late',
  },
};

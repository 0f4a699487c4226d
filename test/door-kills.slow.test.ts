import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { scaled } from '../lib/dev/test-scale.ts';
import { FAIL_POINTS, type FailPointName } from '../lib/journal/fail-point.ts';
import { createDoorSender } from '../lib/dev/door-sender.ts';
import { openDoorBed, type DoorBed, type Ingest } from './door-bed.ts';
import { isReady, until } from './system-bed.ts';

/** In all tests of this file together. By day it is each fail-point once, with what has to come before it. */
const KILLS = scaled({ day: 14, night: 100 });
const TESTS = scaled({ day: 2, night: 4 });
const REPLICAS = scaled({ day: 1, night: 2 });
const KEYS_PER_REPLICA = 6;
/** Of a sender that was not accepted: often enough that a life of the door has traffic from its first moment. */
const RETRY_MS = 40;
/** A process that has not reached its fail-point by then never will. */
const DIES_WITHIN_MS = 60_000;

/**
 * The fail-points of all kills, each with the pass at which it bites, dealt to the replicas. The points of the read-back
 * come behind one that leaves confirmed events in the journal, because without doubts nothing is found.
 */
function planKills(): string[][] {
  const names = Object.keys(FAIL_POINTS) as FailPointName[];
  const plans: string[][] = Array.from({ length: TESTS * REPLICAS }, () => []);
  for (let turn = 0, left = KILLS; left > 0; turn += 1) {
    const name = names[turn % names.length]!;
    const pass = 1 + ((turn * 7) % 20);
    const kills = name.startsWith('relay.found') && left > 1 ? ['relay.before-forget:2', `${name}:1`] : [`${name}:${pass}`];
    plans[turn % plans.length]!.push(...kills);
    left -= kills.length;
  }
  return plans;
}

interface Replica {
  readonly ingest: Ingest;
  readonly sent: Map<string, number>;
  /** Answers that were not 202. */
  readonly refusals: string[];
}

/** Each key's sender goes on to its next event when the last one was accepted, and sends it again until then. */
async function sendUntil(replica: Replica, isOver: () => boolean, isGivenUp: () => boolean): Promise<void> {
  const { ingest, sent, refusals } = replica;
  const sender = createDoorSender(ingest.url);
  await Promise.all(
    [...sent.keys()].map(async (key) => {
      while (!isOver()) {
        const number = sent.get(key)! + 1;
        sent.set(key, number);
        while (!isGivenUp()) {
          const { status, text } = await sender.post(key, `${key.replace('/', '-')}-${number}`);
          if (status === 202) break;
          if (status !== undefined) refusals.push(text);
          await wait(RETRY_MS);
        }
      }
    }),
  );
  sender.stop();
}

async function killAgainAndAgain(replica: Replica, kills: readonly string[]): Promise<void> {
  for (const failPoint of kills) {
    const program = replica.ingest.program(failPoint);
    await program.start();
    const died = await Promise.race([program.whenDown().then(() => true), wait(DIES_WITHIN_MS, false, { ref: false })]);
    if (!died) await program.stop();
    assert.ok(died, `expected ingest to die at ${failPoint} within ${DIES_WITHIN_MS} ms`);
  }
}

async function runReplica(bed: DoorBed, name: string, kills: readonly string[], env: NodeJS.ProcessEnv): Promise<Replica> {
  const ingest = await bed.ingest(name, env);
  const keys = Array.from({ length: KEYS_PER_REPLICA }, (_, index) => `${name}/key${index}`);
  const replica: Replica = { ingest, sent: new Map(keys.map((key) => [key, 0])), refusals: [] };
  let isOver = false;
  let isGivenUp = true;
  const last = ingest.program();
  try {
    // In its first life it hears of the source; before that it cannot judge a sender, and says 503.
    await last.start();
    await until(`${name} is ready`, () => isReady(last.readyUrl), 30_000);
    await last.stop();
    const sending = sendUntil(
      replica,
      () => isOver,
      () => isOver && isGivenUp,
    );
    await killAgainAndAgain(replica, kills);
    await last.start();
    isGivenUp = false;
    isOver = true;
    await sending;
    await until(`${name} is ready`, () => isReady(last.readyUrl));
    await until(`${name} has relayed all`, async () =>
      /^visapi_journal_records 0$/m.test(await (await fetch(`${ingest.opsUrl}/metrics`)).text()),
    );
  } finally {
    isOver = true;
    await last.stop();
  }
  return replica;
}

const allPlans = planKills();
for (let part = 0; part < TESTS; part += 1) {
  const acceptAfter = part % 2 === 0 ? 'journal' : 'log';
  const plans = allPlans.slice(part * REPLICAS, (part + 1) * REPLICAS);
  const kills = plans.flat().length;
  test(`${kills} kills between the steps of accept and relay lose nothing, store nothing twice and reorder no key: part ${part + 1}, ACCEPT_AFTER=${acceptAfter}`, async (t) => {
    // A tenth of a second: the broker's own window must not be what tells a second time from a first.
    const bed = await openDoorBed(t, { duplicateWindowMs: 100 });
    const startedAt = performance.now();
    const replicas = await Promise.all(plans.map((plan, index) => runReplica(bed, `replica${index}`, plan, { ACCEPT_AFTER: acceptAfter })));

    const stored = new Map<string, string[]>();
    for (const { key, delivery } of await bed.events()) stored.set(key, [...(stored.get(key) ?? []), delivery]);
    let events = 0;
    for (const { sent, refusals } of replicas) {
      for (const [key, count] of sent) {
        events += count;
        const expected = Array.from({ length: count }, (_, index) => `${key.replace('/', '-')}-${index + 1}`);
        assert.deepEqual(stored.get(key), expected, key);
      }
      assert.deepEqual(refusals, [], 'a live ingest answers 202 and nothing else');
    }
    t.diagnostic(`${kills} kills, ${events} events, ${Math.round(performance.now() - startedAt)} ms`);
  });
}

import { test } from 'node:test';
import type { ActorDefinition } from '../lib/actor/define-actor.ts';
import { describeOneActor, type ActorTrial } from '../lib/actor/conformance/one-actor.ts';
import { openSimulatedBench } from '../lib/actor/simulation/simulated-bench.ts';
import { systemClock } from '../lib/core/clock.ts';
import { slotOf } from '../lib/core/slot.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../streams/actor-lanes.ts';
import { commandSubject } from '../streams/subjects.ts';
import { asUserActor } from '../streams/user-actor.ts';
import { streamOf, type TestEvent } from './actor-test.ts';
import { eventMessage } from './event-message.ts';

/**
 * Registers the conformance suite of one actor with node:test: every sample ends, one key is in order, nothing that is recorded is
 * repeated by a retry, a stop or a `kill -9` in between. It needs no broker and no database.
 *
 * What the actor calls outside has to be a stand-in that answers each time: it is called some dozen times.
 */
export function describeActor<Input, State>(actor: ActorDefinition<Input, State>, samples: readonly TestEvent[]): void {
  describeOneActor((name, run) => void test(name, (t) => run(openBench(), t)), actorTrial(actor, samples));
}

/** The same trial for another bench. */
export function actorTrial<Input, State>(actor: ActorDefinition<Input, State>, samples: readonly TestEvent[]): ActorTrial {
  return {
    actor: { ...asUserActor(actor as ActorDefinition, systemClock), start: 'beginning' },
    samples: samples.map(({ type, data = {}, body, id, key, source = 'test', priority = 'default' }, number) => {
      const name = id ?? `sample-${number + 1}`;
      const bytes = Buffer.from(body ?? JSON.stringify(data));
      const time = new Date().toISOString();
      return eventMessage({ id: name, source, ceSource: source, type, key: key ?? name, priority, time, hops: 0, body: bytes });
    }),
  };
}

function openBench() {
  return openSimulatedBench({
    streamOf,
    lanesOf: lanesOfActor,
    subjects: DEAD_LETTER_SUBJECTS,
    subjectTo: (actor, key, priority = 'default') => commandSubject({ priority, slot: slotOf(key), actor }),
    consumerOf: (actor, priority, partition) => `${actor}-${priority}-${partition}`,
  });
}

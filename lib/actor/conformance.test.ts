import { systemClock } from '../core/clock.ts';
import { PRIORITIES } from '../core/priority.ts';
import { SLOTS, slotOf } from '../core/slot.ts';
import type { ConformanceBench } from './conformance/bench.ts';
import { describeConformance } from './conformance/suite.ts';
import { ActorRuntime } from './runtime.ts';
import { createCuttable } from './simulation/cuttable.ts';
import { SimulatedBroker } from './simulation/simulated-broker.ts';
import { SimulatedRecord } from './simulation/simulated-record.ts';
import { silentLog, silentObserver } from './simulation/silence.ts';

const STREAMS: Record<string, string> = { commands: 'COMMANDS', dead: 'DEAD_LETTERS', advisory: 'ADVISORIES' };

function openBench(): ConformanceBench {
  const broker = new SimulatedBroker(systemClock, (subject) => STREAMS[subject.split('.')[0]!]!);
  const record = new SimulatedRecord(systemClock);
  let sent = 0;
  let lives = 0;
  return {
    send: async ({ actor, key, body, priority = 'default', id = `m${sent++}` }) =>
      await broker.publish(
        { id, subject: `commands.${priority}.${slotOf(key)}.${actor}`, key, headers: {}, body: Buffer.from(body) },
        new AbortController().signal,
      ),
    start: (actors, { owner = 'owner', timing = {} } = {}) => {
      const ports = createCuttable(broker, record, systemClock);
      const runtime = new ActorRuntime({
        ...ports,
        owner,
        nonce: String(lives++),
        actors,
        lanesOf: ({ name, partitions = 4 }, partition) =>
          PRIORITIES.map((priority) => ({
            stream: 'COMMANDS',
            priority,
            spec: {
              stream: 'COMMANDS',
              consumer: `${name}-${priority}-${partition}`,
              filterSubjects: Array.from({ length: SLOTS }, (_, slot) => slot)
                .filter((slot) => slot % partitions === partition)
                .map((slot) => `commands.${priority}.${slot}.${name}`),
            },
          })),
        subjects: { deadLetter: (actor, reason) => `dead.${actor}.${reason}`, advisory: (kind, actor) => `advisory.${kind}.${actor}` },
        random: Math.random,
        log: silentLog,
        observer: silentObserver,
        timing: { checkMs: 20, ...timing },
      });
      runtime.start();
      return { stop: (drainMs = 1_000) => runtime.stop(drainMs), kill: ports.cut, status: () => runtime.status() };
    },
    deadLetters: () => Promise.resolve([...record.deadLetters.values()]),
    messages: (stream) => Promise.resolve(broker.messages(stream)),
    parked: () => Promise.resolve(record.parked()),
    suspects: () => Promise.resolve(record.suspects()),
    effect: (id) => Promise.resolve(record.effects.get(id)),
    outboxSize: () => Promise.resolve(record.outbox().length),
    adopt: ({ actor, partition, ...row }) => Promise.resolve(record.park({ ...row, unit: { actor, partition, epoch: 0 } })),
    steal: (actor, priority, partition) => Promise.resolve(broker.steal('COMMANDS', `${actor}-${priority}-${partition}`)),
    forgetConsumers: () => Promise.resolve(broker.restart()),
    subjectTo: (actor, key) => `commands.default.${slotOf(key)}.${actor}`,
  };
}

describeConformance('simulated', () => Promise.resolve(openBench()));

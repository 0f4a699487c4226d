import { systemClock } from '../../core/clock.ts';
import type { ConformanceBench } from '../conformance/bench.ts';
import type { DeadLetterSubjects } from '../dead-letter.ts';
import { ActorRuntime, type RuntimeOptions } from '../runtime.ts';
import { SLOTS } from '../../core/slot.ts';
import { createCuttable } from './cuttable.ts';
import { silentLog, silentObserver } from './silence.ts';
import { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedRecord } from './simulated-record.ts';
import { handPart } from './simulated-replay.ts';

/** The log's shape, which the runtime itself does not know. */
export interface SimulatedLog {
  readonly streamOf: (subject: string) => string;
  readonly lanesOf: RuntimeOptions['lanesOf'];
  readonly subjects: DeadLetterSubjects;
  /** A subject addressed to an actor. */
  readonly subjectTo: ConformanceBench['subjectTo'];
  readonly consumerOf: (actor: string, priority: string, partition: number) => string;
}

/** A bench of simulated broker and record, on the system's clock. */
export function openSimulatedBench({ streamOf, lanesOf, subjects, subjectTo, consumerOf }: SimulatedLog): ConformanceBench {
  const broker = new SimulatedBroker(systemClock, streamOf);
  const record = new SimulatedRecord(systemClock);
  let sent = 0;
  let lives = 0;
  return {
    send: async ({ actor, key, body, priority = 'default', id = `m${sent++}` }) =>
      await broker.publish(
        { id, subject: subjectTo(actor, key, priority), key, headers: {}, body: Buffer.from(body) },
        new AbortController().signal,
      ),
    publish: async (emit) => await broker.publish(emit, new AbortController().signal),
    start: (actors, { owner = 'owner', timing = {} } = {}) => {
      const ports = createCuttable(broker, record, systemClock);
      const runtime = new ActorRuntime({
        ...ports,
        owner,
        nonce: String(lives++),
        actors,
        lanesOf,
        subjects,
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
    state: (actor, key) => Promise.resolve(record.states.get({ actor, eventKey: key, key })),
    isSettled: (actor, priority, partition, seqs) =>
      Promise.resolve(seqs.every((seq) => record.lanes.isSettled({ actor, partition }, { stream: 'COMMANDS', priority }, seq))),
    outboxSize: () => Promise.resolve(record.outbox().length),
    adopt: ({ actor, partition, ...row }) => Promise.resolve(record.park({ ...row, unit: { actor, partition, epoch: 0 } })),
    steal: (actor, priority, partition) => Promise.resolve(broker.steal('COMMANDS', consumerOf(actor, priority, partition))),
    replay: ({ id, actor, partition, priority, fromSeq, untilSeq, repeat = [] }) => {
      const unit = { actor, partition, epoch: 0 };
      const part = handPart({ unit, stream: 'COMMANDS', priority, fromSeq, untilSeq: untilSeq ?? 0 }, id);
      record.replayParts.push({
        ...part,
        untilSeq,
        options: { id, repeat, divertTo: [] },
        kind: untilSeq === null ? 'in-place' : 'slice',
        filterSubjects: Array.from({ length: SLOTS }, (_, slot) => `commands.${priority}.${slot}.${actor}`),
      });
      return Promise.resolve();
    },
    replayed: (id) => Promise.resolve(record.replayParts.find(({ options }) => options.id.startsWith(id))),
    reset: (actor, priority, partition, seq) => Promise.resolve(broker.reset('COMMANDS', consumerOf(actor, priority, partition), seq)),
    forgetConsumers: () => Promise.resolve(broker.restart()),
    subjectTo,
  };
}

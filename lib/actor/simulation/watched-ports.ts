import { slotOf } from '../../core/slot.ts';
import type { BrokerPort } from '../broker-port.ts';
import type { Emit } from '../message.ts';
import type { RecordPort } from '../record-port.ts';
import { UNSTORABLE } from './planned-actor.ts';
import type { SimulatedBroker } from './simulated-broker.ts';
import type { SimulatedRecord } from './simulated-record.ts';
import type { MessagePlan } from './world-plan.ts';
import type { WorldWatch } from './world-watch.ts';

export interface WatchedPortsOptions {
  readonly broker: SimulatedBroker;
  readonly record: SimulatedRecord;
  readonly watch: WorldWatch;
  /** The stream of what is addressed to actors. */
  readonly stream: string;
  readonly partitions: number;
  readonly planOf: (messageId: string) => MessagePlan;
  readonly note: (tell: () => string) => void;
}

/** The broker, with what is stored in it told to the watch. */
export function watchedBroker({ broker, watch, stream, partitions, planOf, note }: WatchedPortsOptions): BrokerPort {
  const store = ({ id, subject, key }: Emit): void => {
    const actor = subject.split('.')[3]!;
    const seq = broker.messages(stream).length + 1;
    watch.stored({ id, actor, seq, plan: planOf(id), unit: `${actor}/${slotOf(key) % partitions}` });
    note(() => `${id} is stored: ${actor} ${seq}, key ${key}`);
  };
  return {
    lane: (spec) => broker.lane(spec),
    read: (from, seq) => broker.read(from, seq),
    publish: async (emit, signal) => {
      // It may be delivered before its publisher hears of it.
      if (emit.subject.startsWith('commands.') && !watch.fates.has(emit.id)) store(emit);
      return await broker.publish(emit, signal);
    },
  };
}

/** The record, with what is committed in it told to the watch. It refuses for its content what a plan wants to be refused. */
export function watchedRecord({ record, watch, note }: WatchedPortsOptions): RecordPort {
  const watched: Partial<RecordPort> = {
    settle: async (batch) => {
      if (batch.rows.some(({ row }) => row === UNSTORABLE)) throw new TypeError('a row cannot be stored');
      const answer = await record.settle(batch);
      watch.settled(batch, answer.refused);
      for (const { unit, stream, priority, floor } of batch.lanes)
        note(() => `settled ${unit.actor}/${unit.partition} epoch ${unit.epoch}: ${stream} ${priority} up to ${floor}`);
      for (const { actor, partition, epoch } of answer.refused) note(() => `refused ${actor}/${partition} epoch ${epoch}`);
      return answer;
    },
    claim: async (claims) => {
      const answers = await record.claim(claims);
      watch.claimed(claims, answers);
      return answers;
    },
    acquire: async (owner, ...args) => {
      const acquired = await record.acquire(owner, ...args);
      for (const unit of acquired) {
        watch.taken(owner, unit);
        note(() => `${owner} takes ${unit.actor}/${unit.partition}, epoch ${unit.epoch}${unit.unclean ? ', unclean' : ''}`);
      }
      return acquired;
    },
    release: async (leases) => {
      await record.release(leases);
      for (const lease of leases)
        if (watch.released(lease)) note(() => `${lease.actor}/${lease.partition} is handed back, epoch ${lease.epoch}`);
    },
    isTransient: (error) => !(error instanceof TypeError),
  };
  return new Proxy<RecordPort>(record, {
    get: (target, name) => {
      const own = Reflect.get(watched, name) as unknown;
      return own ?? (Reflect.get(target, name, target) as (...args: unknown[]) => unknown).bind(target);
    },
  });
}

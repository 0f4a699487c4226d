import type { Clock } from '../../core/clock.ts';
import type { BrokerPort, LaneSource } from '../broker-port.ts';
import type { RecordPort } from '../record-port.ts';

/** The ports of one process that can be ended from outside, as a `kill -9` does: from then on nothing goes in or out. */
export interface Cuttable {
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly clock: Clock;
  readonly cut: () => void;
}

export function createCuttable(broker: BrokerPort, record: RecordPort, clock: Clock): Cuttable {
  let isCut = false;
  const connection = new AbortController();
  const timers = new Set<() => void>();
  const never = <Value>(): Promise<Value> => new Promise<Value>(() => undefined);
  const pass =
    <Args extends unknown[], Value>(call: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      if (isCut) return await never();
      try {
        const value = await call(...args);
        return isCut ? await never() : value;
      } catch (error) {
        if (isCut) return await never();
        throw error;
      }
    };
  const lane = (source: LaneSource): LaneSource => ({
    ensure: pass(() => source.ensure()),
    repoint: pass((seq) => source.repoint(seq)),
    pull: pass((room, expiresMs, onDelivery, signal) =>
      source.pull(room, expiresMs, (delivery) => (isCut ? undefined : onDelivery(delivery)), AbortSignal.any([signal, connection.signal])),
    ),
    ack: (delivery) => (isCut ? undefined : source.ack(delivery)),
    term: (delivery, reason) => (isCut ? undefined : source.term(delivery, reason)),
  });
  return {
    broker: {
      lane: (spec) => lane(broker.lane(spec)),
      read: pass((stream, seq) => broker.read(stream, seq)),
      publish: pass((emit, signal) => broker.publish(emit, signal)),
    },
    record: {
      acquire: pass((...args) => record.acquire(...args)),
      renew: pass((...args) => record.renew(...args)),
      survey: pass((...args) => record.survey(...args)),
      leave: pass((...args) => record.leave(...args)),
      release: pass((...args) => record.release(...args)),
      load: pass((...args) => record.load(...args)),
      settle: pass((...args) => record.settle(...args)),
      claim: pass((...args) => record.claim(...args)),
      recordStarts: pass((...args) => record.recordStarts(...args)),
      parkedRows: pass((...args) => record.parkedRows(...args)),
      dueTimers: pass((...args) => record.dueTimers(...args)),
      adopt: pass((...args) => record.adopt(...args)),
      replays: pass((...args) => record.replays(...args)),
      recordReset: pass((...args) => record.recordReset(...args)),
      grantReplay: pass((...args) => record.grantReplay(...args)),
      loadStates: pass((ids) => record.loadStates(ids)),
      nextRound: pass((...args) => record.nextRound(...args)),
      isTransient: (error) => record.isTransient(error),
    },
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => {
        if (isCut) return () => undefined;
        const cancel = clock.after(delayMs, () => {
          timers.delete(cancel);
          callback();
        });
        timers.add(cancel);
        return cancel;
      },
    },
    cut: () => {
      isCut = true;
      connection.abort();
      for (const cancel of timers) cancel();
    },
  };
}

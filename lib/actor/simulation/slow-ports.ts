import type { Clock } from '../../core/clock.ts';
import type { BrokerPort, LaneSource } from '../broker-port.ts';
import type { RecordPort } from '../record-port.ts';

/** What is between a process and the outside: each call takes its time on the way there, and its answer on the way back. */
export interface SlowOptions {
  readonly clock: Clock;
  /** How long one way takes, in milliseconds; asked for each way anew. */
  readonly wayMs: () => number;
  /** Whether a call to the broker is lost before it gets there; asked for each call anew. (Default: none is) */
  readonly isLost?: () => boolean;
}

type Call<Args extends unknown[], Value> = (...args: Args) => Promise<Value>;

/** The same broker, with time between what is asked and what is done: somebody else may come first. */
export function slowBroker(broker: BrokerPort, { clock, wayMs, isLost = () => false }: SlowOptions): BrokerPort {
  const slow = <Args extends unknown[], Value>(call: Call<Args, Value>): Call<Args, Value> => {
    const delayed = slowed(call, clock, wayMs);
    return (...args) => (isLost() ? Promise.reject(new Error('the broker did not answer')) : delayed(...args));
  };
  const lane = (source: LaneSource): LaneSource => ({
    ensure: slow(() => source.ensure()),
    repoint: slow((seq) => source.repoint(seq)),
    pull: (room, expiresMs, onDelivery, signal) => source.pull(room, expiresMs, onDelivery, signal),
    ack: (delivery) => source.ack(delivery),
    term: (delivery, reason) => source.term(delivery, reason),
  });
  return {
    lane: (spec) => lane(broker.lane(spec)),
    read: slowed((stream, seq) => broker.read(stream, seq), clock, wayMs),
    publish: slowed((emit, signal) => broker.publish(emit, signal), clock, wayMs),
  };
}

/** The same record, with time between what is asked and what is done, and until its answer is here. */
export function slowRecord(record: RecordPort, { clock, wayMs }: SlowOptions): RecordPort {
  const slow = <Args extends unknown[], Value>(call: Call<Args, Value>): Call<Args, Value> => slowed(call, clock, wayMs);
  return {
    acquire: slow((...args) => record.acquire(...args)),
    renew: slow((...args) => record.renew(...args)),
    survey: slow((...args) => record.survey(...args)),
    leave: slow((...args) => record.leave(...args)),
    release: slow((...args) => record.release(...args)),
    load: slow((...args) => record.load(...args)),
    settle: slow((...args) => record.settle(...args)),
    claim: slow((...args) => record.claim(...args)),
    recordStarts: slow((...args) => record.recordStarts(...args)),
    parkedRows: slow((...args) => record.parkedRows(...args)),
    dueTimers: slow((...args) => record.dueTimers(...args)),
    adopt: slow((...args) => record.adopt(...args)),
    replays: slow((...args) => record.replays(...args)),
    recordReset: slow((...args) => record.recordReset(...args)),
    grantReplay: slow((...args) => record.grantReplay(...args)),
    loadStates: slow((ids) => record.loadStates(ids)),
    nextRound: slow((...args) => record.nextRound(...args)),
    isTransient: (error) => record.isTransient(error),
  };
}

function slowed<Args extends unknown[], Value>(call: Call<Args, Value>, clock: Clock, wayMs: () => number): Call<Args, Value> {
  const way = (): Promise<void> => new Promise((resolve) => clock.after(wayMs(), resolve));
  return async (...args) => {
    await way();
    const value = await call(...args);
    await way();
    return value;
  };
}

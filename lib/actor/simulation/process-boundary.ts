import type { Clock } from '../../core/clock.ts';
import type { BrokerPort, LaneSource, PublishAck, PullEnd, Room } from '../broker-port.ts';
import type { Emit } from '../message.ts';
import type { RecordPort } from '../record-port.ts';
import type { Link } from './link.ts';

export interface ProcessBoundaryOptions {
  readonly clock: Clock;
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly brokerLink: Link;
  readonly recordLink: Link;
}

/** How long a publisher waits before it tries again, and a client for the end of a pull beyond the pull's own time. */
const PUBLISH_AGAIN_MS = 60;
const PULL_GRACE_MS = 100;

/** Made once: an error with its stack for each pull would be the dearest part of it. */
const GONE = new Error('nobody waits for this pull any more');

interface Publishing {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly resolve: (ack: PublishAck) => void;
}

/**
 * One life of a process, as seen from outside: everything that goes in (timers, answers, deliveries) passes here, so it can be killed,
 * as by `kill -9`, and stopped and woken, as by SIGSTOP and SIGCONT. What it sent before still arrives.
 */
export class ProcessBoundary {
  readonly clock: Clock;
  readonly broker: BrokerPort;
  readonly record: RecordPort;
  readonly #options: ProcessBoundaryOptions;
  readonly #lines = new Map<string, Publishing[]>();
  #held: (() => void)[] = [];
  #isDead = false;
  #isPaused = false;

  constructor(options: ProcessBoundaryOptions) {
    this.#options = options;
    const { clock, broker, record, recordLink, brokerLink } = options;
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
    };
    this.record = this.#through(record, recordLink, ['isTransient']);
    this.broker = {
      read: (stream, seq) => this.#call(brokerLink, () => broker.read(stream, seq)),
      publish: (emit, signal) => this.#publish(emit, signal),
      lane: (spec) => this.#lane(broker.lane(spec)),
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  kill(): void {
    this.#isDead = true;
    this.#held = [];
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What has come meanwhile happens now, in its order. */
  wake(): void {
    this.#isPaused = false;
    for (const callback of this.#held.splice(0)) this.#options.clock.after(0, () => this.#enter(callback));
  }

  #enter(callback: () => void): void {
    if (this.#isDead) return;
    if (this.#isPaused) this.#held.push(callback);
    else callback();
  }

  #after(delayMs: number, callback: () => void): () => void {
    let isCancelled = this.#isDead;
    if (isCancelled) return () => undefined;
    const cancel = this.#options.clock.after(delayMs, () => this.#enter(() => void (isCancelled || callback())));
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  #call<Value>(link: Link, work: () => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) return;
      link.carry(
        work,
        (value) => this.#enter(() => resolve(value)),
        (error) => this.#enter(() => reject(error as Error)),
      );
    });
  }

  /** The same port with each call carried by the link; `direct` are asked as they are. */
  #through<Port extends object>(port: Port, link: Link, direct: readonly string[]): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as (...args: readonly unknown[]) => Promise<unknown>;
        const bound = member.bind(target);
        return direct.includes(String(name)) ? bound : (...args: unknown[]) => this.#call(link, () => bound(...args));
      },
    });
  }

  /** As the publisher does: one unconfirmed message of a key, tried again under its id until it is confirmed or nobody wants it. */
  #publish(emit: Emit, signal: AbortSignal): Promise<PublishAck> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) return;
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      const line = this.#lines.get(emit.key) ?? [];
      this.#lines.set(emit.key, line);
      line.push({ emit, signal, resolve });
      if (line.length === 1) void this.#drain(line);
    });
  }

  async #drain(line: Publishing[]): Promise<void> {
    for (let head = line[0]; head !== undefined; head = line[0]) {
      const { emit, signal, resolve } = head;
      for (let isOver = signal.aborted; !isOver; isOver ||= signal.aborted) {
        try {
          resolve(await this.#call(this.#options.brokerLink, () => this.#options.broker.publish(emit, new AbortController().signal)));
          isOver = true;
        } catch {
          await new Promise<void>((again) => this.clock.after(PUBLISH_AGAIN_MS, again));
        }
      }
      line.shift();
    }
  }

  #lane(source: LaneSource): LaneSource {
    const { brokerLink } = this.#options;
    return {
      ensure: () => this.#call(brokerLink, () => source.ensure()),
      repoint: (seq) => this.#call(brokerLink, () => source.repoint(seq)),
      pull: (room, expiresMs, onDelivery, signal) => this.#pull(source, room, expiresMs, onDelivery, signal),
      ack: (delivery) => void (this.#isDead || source.ack(delivery)),
      term: (delivery, reason) => void (this.#isDead || source.term(delivery, reason)),
    };
  }

  /** The server's side of a pull goes on for its time, whatever has become of the client's: so a frozen owner's pull takes messages. */
  #pull(
    source: LaneSource,
    room: Room,
    expiresMs: number,
    onDelivery: Parameters<LaneSource['pull']>[2],
    signal: AbortSignal,
  ): Promise<PullEnd> {
    const { brokerLink } = this.#options;
    return new Promise((resolve, reject) => {
      if (this.#isDead) return;
      if (signal.aborted) return reject(signal.reason as Error);
      const gone = new AbortController();
      let isOver = false;
      const end = (tell: () => void): void => {
        if (isOver) return;
        isOver = true;
        gone.abort(GONE);
        cancel();
        stopListening();
        tell();
      };
      const interrupted = (): void => this.#enter(() => end(() => resolve('interrupted')));
      const cancel = this.#after(expiresMs + PULL_GRACE_MS, interrupted);
      const stopListening = brokerLink.whenBroken(interrupted);
      signal.addEventListener('abort', () => end(() => reject(signal.reason as Error)), { once: true });
      brokerLink.carry(
        () => {
          void source
            .pull(
              room,
              expiresMs,
              (delivery) => brokerLink.bring(() => this.#enter(() => void (isOver || onDelivery(delivery)))),
              gone.signal,
            )
            .then(
              (how) => brokerLink.bring(() => this.#enter(() => end(() => resolve(how)))),
              () => undefined,
            );
          return Promise.resolve();
        },
        () => undefined,
        interrupted,
      );
    });
  }
}

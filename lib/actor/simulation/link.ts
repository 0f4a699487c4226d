import { AppError } from '../../core/app-error.ts';
import type { Clock } from '../../core/clock.ts';

export type LinkState = 'up' | 'down' | 'frozen';

export interface LinkOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly name: string;
}

/** A client gives up what is not answered by then. Milliseconds. */
const TIMEOUT_MS = 400;
/** Longest time on one way where nothing is wrong. Milliseconds. */
export const USUAL_MS = 8;
/** Most calls are answered at once: time that passes is what a simulation costs. */
const SHARE_ON_A_WAY = 0.3;

/**
 * What is between one process and one store: time on the way there and back, a connection that breaks, a store that stands still,
 * requests and answers that are lost. Whatever a call was answered, its work was done once at most, and what came while the store
 * stood still is done in its order when it goes on.
 */
export class Link {
  /** Share of calls whose request or answer is lost, 0 to 1. */
  loss = 0;
  /** Longest time on one way, in milliseconds. */
  slowMs = USUAL_MS;
  readonly name: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #standing: (() => unknown)[] = [];
  readonly #onBreak = new Set<() => void>();
  #state: LinkState = 'up';
  #lastArrival = 0;

  constructor({ clock, random, name }: LinkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.name = name;
  }

  get state(): LinkState {
    return this.#state;
  }

  set state(state: LinkState) {
    this.#state = state;
    if (state === 'down') for (const broken of this.#onBreak) broken();
    if (state === 'up') for (const work of this.#standing.splice(0)) work();
  }

  /** Has `work` done on the other side. Exactly one of the other two is called, once. */
  carry<Value>(work: () => Promise<Value>, onValue: (value: Value) => void, onError: (error: unknown) => void): void {
    let isOver = false;
    let cancelTimeout = (): void => undefined;
    const end = (tell: () => void): void => {
      if (isOver) return;
      isOver = true;
      cancelTimeout();
      this.#onBreak.delete(broken);
      tell();
    };
    const broken = (): void => end(() => onError(this.#away()));
    // Only what may never be answered needs a limit.
    const giveUpLater = (): void => {
      cancelTimeout = this.#clock.after(TIMEOUT_MS, broken);
    };
    if (this.#state === 'down') return this.#travel(broken);
    this.#onBreak.add(broken);
    const isRequestLost = this.#isLost();
    const isAnswerLost = this.#isLost();
    const answer = (tell: () => void): void => {
      if (isAnswerLost) giveUpLater();
      else if (this.#state === 'down') broken();
      else this.#travel(() => end(tell));
    };
    this.#travel(() => {
      // What was on its way when the connection broke has come through or has not.
      if (isRequestLost || (this.#state === 'down' && this.#random() < 0.5)) return giveUpLater();
      if (this.#state === 'frozen') giveUpLater();
      this.#whenGoing(() =>
        work().then(
          (value) => answer(() => onValue(value)),
          (error: unknown) => answer(() => onError(error)),
        ),
      );
    });
  }

  /** Something that the other side sends by itself arrives, in the order in which it was sent, or it does not. */
  bring(arrive: () => void): void {
    if (this.#state === 'down') return;
    this.#whenGoing(() => {
      const at = Math.max(this.#lastArrival, this.#clock.monotonic() + this.#wayMs());
      this.#lastArrival = at;
      const delayMs = at - this.#clock.monotonic();
      if (delayMs <= 0) arrive();
      else this.#clock.after(delayMs, () => void (this.#state === 'down' || arrive()));
    });
  }

  /** Calls back when the connection breaks; the returned function ends that. */
  whenBroken(callback: () => void): () => void {
    this.#onBreak.add(callback);
    return () => void this.#onBreak.delete(callback);
  }

  #isLost(): boolean {
    return this.loss > 0 && this.#random() < this.loss;
  }

  #whenGoing(work: () => unknown): void {
    if (this.#state === 'frozen') this.#standing.push(work);
    else work();
  }

  #travel(arrive: () => void): void {
    const ms = this.#wayMs();
    if (ms === 0) arrive();
    else this.#clock.after(ms, arrive);
  }

  #wayMs(): number {
    return this.#random() < SHARE_ON_A_WAY ? Math.ceil(this.#random() * this.slowMs) : 0;
  }

  #away(): AppError {
    return new AppError('broker_unavailable', `${this.name} did not answer`);
  }
}

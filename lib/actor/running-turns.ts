import type { Clock } from '../core/clock.ts';

/** What has to end one day. */
export interface RunningTurn {
  /** Its time is up. Called once at most. */
  expire(): void;
  /** The process has to stop now. */
  halt(): void;
}

export interface RunningTurnsOptions {
  /** How long a turn may take, the same for all of them. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Aborts when they have to stop now. */
  readonly stop: AbortSignal;
}

/**
 * The turns of one actor that run, with one timer and one listener for all of them: a timer, a listener and their removal for each
 * would cost a short turn more than it costs itself. All have the same time, so whichever has begun first is due first.
 */
export class RunningTurns {
  readonly #options: RunningTurnsOptions;
  /** When they are due, the first in front; what is due already has been told. */
  readonly #dueAt = new Map<RunningTurn, number>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: RunningTurnsOptions) {
    this.#options = options;
    options.stop.addEventListener('abort', () => this.#halt(), { once: true });
  }

  get isStopped(): boolean {
    return this.#options.stop.aborted;
  }

  begin(turn: RunningTurn): void {
    const { clock, timeoutMs } = this.#options;
    this.#dueAt.set(turn, clock.monotonic() + timeoutMs);
    this.#cancelTimer ??= clock.after(timeoutMs, () => this.#expire());
  }

  end(turn: RunningTurn): void {
    this.#dueAt.delete(turn);
    if (this.#dueAt.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #halt(): void {
    for (const turn of this.#dueAt.keys()) turn.halt();
  }

  #expire(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    this.#cancelTimer = undefined;
    for (const [turn, dueAt] of this.#dueAt) {
      if (dueAt === Infinity) continue;
      if (dueAt > now) {
        this.#cancelTimer = clock.after(Math.ceil(dueAt - now), () => this.#expire());
        return;
      }
      this.#dueAt.set(turn, Infinity);
      turn.expire();
    }
  }
}

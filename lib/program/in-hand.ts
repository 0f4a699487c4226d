import { AsyncLocalStorage } from 'node:async_hooks';

/** The message that a piece of code works on. */
export interface InHand {
  readonly actor: string;
  readonly messageId: string;
  readonly stream: string;
  readonly seq: number;
}

const current = new AsyncLocalStorage<InHand>();

/** Runs something, and all that it waits for, as work on a message: the watchdog names it where it stands still. */
export function withInHand<Result>(message: InHand, run: () => Result): Result {
  return current.run(message, run);
}

const NAME = 'visapi.in-hand';

/** Lets another thread ask, which can do no more than evaluate an expression where this one stands. */
export function exposeInHand(): void {
  Object.defineProperty(globalThis, Symbol.for(NAME), { value: () => current.getStore() ?? null, configurable: true });
}

/** The expression: the message in hand at the place where it is evaluated, or null. */
export const READ_IN_HAND = `globalThis[Symbol.for('${NAME}')]?.() ?? null`;

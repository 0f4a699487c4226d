/** What a process of `sharing-program.ts` and the test that started it tell each other. */

/** The actor whose units the processes share. */
export const ACTOR = 'sharer';
export const PARTITIONS = 4;
/** Started handlers per message at most. */
export const ATTEMPTS = 4;

/** A message's body. `exit`: the handler ends its process. */
export interface Order {
  readonly number: number;
  readonly deed: 'work' | 'exit';
}

export interface Step {
  /**
   * - `started`: a handler has begun, and waits for `Go`
   * - `effect`: its effect runs; `done`: it returns; `refused`: it could not do its effect
   */
  readonly step: 'started' | 'effect' | 'done' | 'refused';
  readonly key: string;
  readonly number: number;
}

/** Lets the handler of a message go on. */
export interface Go {
  readonly key: string;
  readonly number: number;
}

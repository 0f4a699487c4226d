/** What a handler of the poison program does, by its message's body. */
export type Deed = 'work' | 'exit' | 'kill' | 'block' | 'hang' | 'throw';

/** Started handlers per message at most: enough that a suspect is started twice among others and then alone. */
export const ATTEMPTS = 4;

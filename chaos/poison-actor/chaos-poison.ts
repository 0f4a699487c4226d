/** The actor that experiments poison: each of its events says what its handler does to its process. No part of an installation. */
import { setTimeout as wait } from 'node:timers/promises';
import { defineActor, done, exponential, jsonInput } from 'visapi';
import { z } from 'zod';

const input = jsonInput(z.object({ ref: z.enum(['throw', 'hang', 'exit', 'block', 'allocate']) }));

export const chaosPoison = defineActor({
  name: 'chaos-poison',
  types: ['push'],
  start: 'beginning',
  input,
  retry: exponential({ attempts: 3, baseMs: 100, maxMs: 1_000 }),
  timeoutMs: 1_000,
  async receive({ ref }) {
    // Long enough to be under way together with its neighbours.
    await wait(20);
    switch (ref) {
      case 'throw':
        throw new Error('poisoned');
      case 'hang':
        await new Promise<void>(() => undefined);
        return done();
      case 'exit':
        return process.exit(3);
      case 'block':
        for (;;);
      case 'allocate':
        return takeAll();
    }
  },
});

/** Until V8 has reached its limit and ends the process. */
function takeAll(): never {
  const taken: number[][] = [];
  for (;;) taken.push(Array.from({ length: 1_000_000 }, Math.random));
}

/**
 * A program for the test beside it: `poison-program.ts <actor> <file>` runs one actor whose messages say what their handler
 * does. Every start, and every return of a harmless one, is a line of the file, written before anything can go wrong.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { readProcessorConfig } from '../../cmd/processor/config.ts';
import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import { exponential } from '../../lib/actor/retry-policy.ts';
import { done } from '../../lib/actor/verdict.ts';
import { startActorProgram } from '../../lib/host/actor-program.ts';
import { runProgram } from '../../lib/program/run-program.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { ATTEMPTS, type Deed } from './deed.ts';

const [name = 'poison', file = ''] = process.argv.slice(2);

const poisonous = defineActor<Deed>({
  name,
  partitions: 1,
  start: 'beginning',
  input: ({ body }) => Buffer.from(body).toString() as Deed,
  retry: exponential({ attempts: ATTEMPTS, baseMs: 10, maxMs: 100 }),
  timeoutMs: 200,
  async receive(deed, { message }) {
    appendFileSync(file, `start ${message.id}\n`);
    await act(deed);
    appendFileSync(file, `done ${message.id}\n`);
    return done();
  },
});

async function act(deed: Deed): Promise<void> {
  switch (deed) {
    case 'work':
      // Long enough to be under way when a neighbour ends the process.
      return await wait(20);
    case 'exit':
      return process.exit(3);
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'block':
      for (;;);
    case 'hang':
      return await new Promise<void>(() => undefined);
    case 'throw':
      throw new Error('poisoned');
  }
}

await runProgram({
  name,
  readConfig: () => readProcessorConfig(),
  start: (context) =>
    startActorProgram(context, {
      name,
      actors: () => [poisonous as ActorDefinition],
      lanesOf: lanesOfActor,
      subjects: DEAD_LETTER_SUBJECTS,
      drainMs: 1_000,
    }),
});

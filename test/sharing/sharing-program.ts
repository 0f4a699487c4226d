/**
 * A program for the tests beside it: runs one actor, whose units it shares with others of its kind. Each handler says that it has begun,
 * waits until it is told to go on, and has one effect.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { readProcessorConfig } from '../../cmd/processor/config.ts';
import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import { exponential } from '../../lib/actor/retry-policy.ts';
import { done } from '../../lib/actor/verdict.ts';
import { startActorProgram } from '../../lib/host/actor-program.ts';
import { runProgram } from '../../lib/program/run-program.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { ACTOR, ATTEMPTS, type Go, type Order, PARTITIONS, type Step } from './dialogue.ts';

const waiting = new Map<string, () => void>();

function tell(step: Step): void {
  process.send?.(step);
}

process.on('message', ({ key, number }: Go) => waiting.get(`${key} ${number}`)?.());

const sharer = defineActor<Order>({
  name: ACTOR,
  partitions: PARTITIONS,
  start: 'beginning',
  input: ({ body }) => JSON.parse(Buffer.from(body).toString()) as Order,
  retry: exponential({ attempts: ATTEMPTS, baseMs: 10, maxMs: 100 }),
  // As long as a test may have to wait for something else.
  timeoutMs: 120_000,
  async receive({ number, deed }, context) {
    const { key } = context.message;
    if (deed === 'exit') return process.exit(3);
    const told = new Promise<void>((resolve) => waiting.set(`${key} ${number}`, resolve));
    tell({ step: 'started', key, number });
    await told;
    waiting.delete(`${key} ${number}`);
    try {
      await context.effect('tell', () => {
        tell({ step: 'effect', key, number });
        return Promise.resolve();
      });
    } catch (error) {
      tell({ step: 'refused', key, number });
      throw error;
    }
    tell({ step: 'done', key, number });
    await wait(1);
    return done();
  },
});

await runProgram({
  name: ACTOR,
  readConfig: () => readProcessorConfig(),
  start: (context) =>
    startActorProgram(context, {
      name: ACTOR,
      actors: () => [sharer as ActorDefinition],
      lanesOf: lanesOfActor,
      subjects: DEAD_LETTER_SUBJECTS,
      drainMs: 1_000,
    }),
});

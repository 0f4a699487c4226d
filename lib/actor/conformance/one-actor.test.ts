import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { PRIORITIES } from '../../core/priority.ts';
import { type ActorContext, type ActorDefinition, defineActor } from '../define-actor.ts';
import type { Emit } from '../message.ts';
import { openSimulatedBench } from '../simulation/simulated-bench.ts';
import { done } from '../verdict.ts';
import type { ConformanceBench } from './bench.ts';
import { describeOneActor } from './one-actor.ts';

const sample: Emit = { id: 'm1', subject: 'commands.default.0.tester', key: 'a', headers: {}, body: Buffer.from('x') };

function openBench(): ConformanceBench {
  return openSimulatedBench({
    streamOf: (subject) => (subject.startsWith('commands') ? 'COMMANDS' : 'OTHERS'),
    lanesOf: () =>
      PRIORITIES.map((priority) => ({
        stream: 'COMMANDS',
        priority,
        spec: { stream: 'COMMANDS', consumer: priority, filterSubjects: [`commands.${priority}.0.tester`] },
      })),
    subjects: { deadLetter: () => 'dead', advisory: () => 'advisory' },
    subjectTo: () => sample.subject,
    consumerOf: (_actor, priority) => priority,
  });
}

/** The names of the properties that an actor with this handler does not have. */
async function broken(t: TestContext, receive: (context: ActorContext) => Promise<void> | void, wanted: RegExp): Promise<string[]> {
  const actor = defineActor<null>({
    name: 'tester',
    partitions: 1,
    start: 'beginning',
    input: () => null,
    retry: { attempts: 2, delayMs: () => 10 },
    timeoutMs: 5_000,
    receive: async (_input, context) => {
      await receive(context);
      return done();
    },
  });
  const properties: [string, (bench: ConformanceBench, t: TestContext) => Promise<void>][] = [];
  describeOneActor((name, run) => void properties.push([name, run]), { actor: actor as ActorDefinition, samples: [sample] });
  const failed: string[] = [];
  for (const [name, run] of properties.filter(([each]) => wanted.test(each)))
    await tried(run, t).catch(() => failed.push(name.replace('actor tester: ', '')));
  return failed;
}

/** A property that fails leaves its processes as they are. */
async function tried(run: (bench: ConformanceBench, t: TestContext) => Promise<void>, t: TestContext): Promise<void> {
  const bench = openBench();
  const kills: (() => void)[] = [];
  const start: ConformanceBench['start'] = (...args) => {
    const running = bench.start(...args);
    kills.push(running.kill);
    return running;
  };
  try {
    await run({ ...bench, start }, t);
  } finally {
    for (const kill of kills) kill();
  }
}

const out = (id: string): Emit => ({ id, subject: 'commands.default.0.other', key: 'a', headers: {}, body: new Uint8Array() });

test('an actor whose outputs have ids of chance is found', async (t) => {
  assert.deepEqual(await broken(t, (context) => context.emit(out(randomUUID())), /tried again/), [
    'a turn that is tried again asks for the same outputs and repeats no effect',
  ]);
  assert.deepEqual(await broken(t, (context) => context.emit(out(`${context.message.id}/out`)), /tried again/), []);
});

test('an actor whose effect has another name at each try is found', async (t) => {
  let tries = 0;
  const payAgain = async (context: ActorContext): Promise<void> => {
    context.emit(out(`${context.message.id}/${await context.effect(`pay-${(tries += 1)}`, () => Promise.resolve(tries))}`));
  };
  assert.equal((await broken(t, payAgain, /tried again/)).length, 1);
});

import { join } from 'node:path';
import { projectRoot } from '../../lib/dev/local-home.ts';
import type { Experiment, Scene } from '../experiment.ts';
import { nothingToUndo } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';
import { type Deed, KEYS } from '../workload.ts';

/** The processor with the poison's actor beside the workflows. */
const stage = {
  processor: {
    VISAPI_ACTORS: join(projectRoot, 'chaos/poison-actor'),
    ACTORS: 'workflow',
    // By default 10 s: a set has many of them.
    WATCHDOG_MS: '3000',
  },
};

/** A poisonous message is begun at most this often before it is alone in its process and given up. */
const WITHIN_MS = 240_000;

function poisonExperiment(name: string, shows: string, says: string, deeds: readonly Deed[]): Experiment {
  return {
    name,
    shows,
    steadyState: answersAndDelivers,
    fault: {
      says,
      async inject(scene) {
        const each = scene.amount(1, 3, 8);
        await scene.during(deeds.join(', '), async () => {
          const before = await deadCount(scene);
          for (let round = 0; round < each; round += 1)
            for (const deed of deeds) {
              await scene.load.send(deed, KEYS[Math.floor(scene.random() * KEYS.length)]!);
              scene.count('other');
              await scene.wait(300);
            }
          const wanted = before + each * deeds.length;
          for (const end = performance.now() + WITHIN_MS; (await deadCount(scene)) < wanted && performance.now() < end;)
            await scene.wait(250);
        });
      },
    },
    expects: {
      says: 'each poisonous message becomes a dead letter, and no other one does',
      door: 'open',
    },
    undo: nothingToUndo,
    needs: [],
    stage,
  };
}

async function deadCount({ system }: Scene): Promise<number> {
  const [row] = await system.database.query<{ count: number }>({ text: 'select count(*)::int as count from dead_letters' });
  return row!.count;
}

export const poisonThrows = poisonExperiment(
  'poison-throws',
  'A message that throws or hangs each time is given up after its attempts, and nobody else waits for it.',
  'messages whose handler throws, and messages whose handler never returns',
  ['throw', 'hang'],
);

export const poisonExits = poisonExperiment(
  'poison-exits',
  'A message that ends its process each time is told from its neighbours, and dies alone.',
  'messages whose handler ends the process',
  ['exit'],
);

export const blockEventLoop = poisonExperiment(
  'block-event-loop',
  'A message that blocks its process is ended by the watchdog, and told from its neighbours.',
  'messages whose handler never lets go of the event loop',
  ['block'],
);

export const poisonAllocates = poisonExperiment(
  'poison-allocates',
  'A message that takes all memory of its process ends it, and is told from its neighbours.',
  'messages whose handler takes memory without end',
  ['allocate'],
);

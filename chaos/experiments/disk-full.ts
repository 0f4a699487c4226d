import type { Experiment, Scene } from '../experiment.ts';
import { keepDown, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

const emptyAgain = (scene: Scene): Promise<void> => {
  scene.system.disk?.empty();
  return Promise.resolve();
};

export const brokerDiskFull: Experiment = {
  name: 'broker-disk-full',
  shows: 'When the disk of the log is full, events are accepted into the journal, and come into the log when there is room.',
  steadyState: answersAndDelivers,
  fault: {
    says: "the broker's disk is filled up, then emptied, and the broker started anew, as it asks for",
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      for (let round = 0; round < rounds; round += 1) {
        await scene.during('disk full', async () => {
          scene.count('other');
          scene.system.disk?.fill();
          await scene.wait(scene.amount(4_000, 10_000, 15_000));
          scene.system.disk?.empty();
        });
        // Out of space JetStream turns itself off until the server is started again.
        await keepDown(scene, pick(scene, 'broker'), 'SIGTERM', 0);
        await scene.wait(5_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: emptyAgain,
  needs: ['small-disk'],
  stage: { disk: { of: 'broker', kind: 'small' } },
  topologies: ['single'],
};

export const journalDiskFull: Experiment = {
  name: 'journal-disk-full',
  shows: "When the journal's disk is full the door refuses, and never says 2xx to what it cannot keep.",
  steadyState: answersAndDelivers,
  fault: {
    says: "the journal's disk is filled up while the broker is away, then emptied",
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      for (let round = 0; round < rounds; round += 1) {
        const ms = scene.amount(4_000, 8_000, 12_000);
        await scene.during('disk full', async () => {
          scene.count('other');
          scene.system.disk?.fill();
          try {
            await keepDown(scene, pick(scene, 'broker'), 'SIGKILL', ms);
          } finally {
            scene.system.disk?.empty();
          }
        });
        await scene.wait(5_000);
      }
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  undo: emptyAgain,
  needs: ['small-disk'],
  stage: { disk: { of: 'journal', kind: 'small' } },
  topologies: ['single'],
};

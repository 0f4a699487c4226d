import type { Experiment } from '../experiment.ts';
import { nothingToUndo, pause, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

export const pauseBroker: Experiment = {
  name: 'pause-broker',
  shows: 'A broker that stands still looks like one that is slow: nobody takes its silence for an answer.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'SIGSTOP of the broker, then SIGCONT',
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      for (let round = 0; round < rounds; round += 1) {
        await pause(scene, pick(scene, 'broker'), scene.amount(5_000, 10_000, 20_000));
        await scene.wait(2_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: ['linux'],
  stage: {},
};

import type { Experiment } from '../experiment.ts';
import { keepDown, killAndWait, nothingToUndo, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

export const killBroker: Experiment = {
  name: 'kill-broker',
  shows: 'The broker may die, also for a while: the door answers every request, and the journal brings it all into the log.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'kill -9 of the broker, again and again, and once it stays away',
    async inject(scene) {
      const kills = scene.amount(2, 8, 20);
      for (let done = 0; done < kills;) {
        if (await killAndWait(scene, pick(scene, 'broker'))) done += 1;
        await scene.wait(1_500 + scene.random() * 2_000);
      }
      await keepDown(scene, pick(scene, 'broker'), 'SIGKILL', scene.amount(4_000, 15_000, 30_000));
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

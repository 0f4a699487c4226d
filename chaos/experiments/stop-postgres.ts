import type { Experiment } from '../experiment.ts';
import { keepDown, nothingToUndo, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

export const stopPostgres: Experiment = {
  name: 'stop-postgres',
  shows: 'Without the database events are accepted and wait in the log; what was decided about an instant before is known after it.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'immediate stops of PostgreSQL (SIGQUIT, no checkpoint), each with a while without it',
    async inject(scene) {
      const stops = scene.amount(1, 4, 10);
      for (let done = 0; done < stops; done += 1) {
        await keepDown(scene, pick(scene, 'postgres'), 'SIGQUIT', scene.amount(3_000, 5_000, 5_000));
        await scene.wait(3_000 + scene.random() * 3_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

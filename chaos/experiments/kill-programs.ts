import type { Experiment } from '../experiment.ts';
import { killAndWait, nothingToUndo, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

/** From one kill to the next: shorter and longer than a program needs to come back. */
const BETWEEN_MS = [500, 2_500] as const;

export const killPrograms: Experiment = {
  name: 'kill-programs',
  shows: 'A program may die at any instant: nothing is lost, nothing is done twice, and no key changes its order.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'kill -9 of ingest, processor and notifier, one after the other in an order drawn by lot',
    async inject(scene) {
      const kills = scene.amount(5, 20, 60);
      const [shortest, longest] = BETWEEN_MS;
      for (let done = 0; done < kills;) {
        await scene.wait(shortest + scene.random() * (longest - shortest));
        // One that is being started has nothing in hand.
        if (await killAndWait(scene, pick(scene, 'ingest', 'processor', 'notifier'))) done += 1;
      }
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

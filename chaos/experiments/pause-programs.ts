import { PROGRAMS } from '../role.ts';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo, pause, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

/** A lease is gone after 3 s: one pause is shorter, the others are longer. */
const PAUSES_MS = [1_500, 6_000, 10_000] as const;

export const pausePrograms: Experiment = {
  name: 'pause-programs',
  shows: 'A program that stood still and does not know it settles nothing that was given to another, and no effect is done twice.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'SIGSTOP of each program, shorter and longer than its lease, then SIGCONT',
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      for (let round = 0; round < rounds; round += 1)
        for (const name of PROGRAMS) {
          const ms = scene.amount(
            4_000,
            PAUSES_MS[Math.floor(scene.random() * PAUSES_MS.length)]!,
            PAUSES_MS[Math.floor(scene.random() * PAUSES_MS.length)]!,
          );
          await pause(scene, pick(scene, name), ms);
          await scene.wait(1_000 + scene.random() * 1_000);
        }
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  // A ward lets go on what stands still before it stops it; a pause ends by itself.
  undo: nothingToUndo,
  needs: ['linux'],
  stage: {},
};

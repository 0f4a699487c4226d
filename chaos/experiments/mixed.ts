import type { Experiment, Scene } from '../experiment.ts';
import { keepDown, killAndWait, pause, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

type Fault = (scene: Scene) => Promise<unknown>;

/** Longer than a lease, shorter than anybody's patience. */
const SECONDS_MS = [2_000, 6_000] as const;

function someSeconds(scene: Scene): number {
  const [shortest, longest] = SECONDS_MS;
  return shortest + scene.random() * (longest - shortest);
}

const FAULTS: readonly Fault[] = [
  (scene) => killAndWait(scene, pick(scene, 'ingest', 'processor', 'notifier')),
  (scene) => killAndWait(scene, pick(scene, 'ingest', 'processor', 'notifier')),
  (scene) => killAndWait(scene, pick(scene, 'broker')),
  (scene) => pause(scene, pick(scene, 'ingest', 'processor', 'notifier'), someSeconds(scene)),
  (scene) => pause(scene, pick(scene, 'broker'), someSeconds(scene)),
  (scene) => keepDown(scene, pick(scene, 'postgres'), 'SIGQUIT', someSeconds(scene)),
  (scene) =>
    scene.during('the peer breaks off', async () => {
      await scene.system.behave({ times: 50, answer: { hangUp: 'after-read' } });
      await scene.wait(someSeconds(scene));
      await scene.system.behaveWell();
    }),
];

export const mixed: Experiment = {
  name: 'mixed',
  shows: 'Faults that come together do nothing that each alone does not do.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'kills, pauses, stops and a lying destination, drawn by lot, often two at once',
    async inject(scene) {
      const rounds = scene.amount(4, 15, 60);
      for (let round = 0; round < rounds; round += 1) {
        const together = scene.random() < 0.5 ? 2 : 1;
        const drawn = Array.from({ length: together }, () => FAULTS[Math.floor(scene.random() * FAULTS.length)]!);
        // Two of the same would undo each other; all of them have to be over before a failure of one is told.
        const ended = await Promise.allSettled([...new Set(drawn)].map((fault) => fault(scene)));
        for (const one of ended) if (one.status === 'rejected') throw one.reason;
        await scene.wait(1_000 + scene.random() * 3_000);
      }
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  undo: (scene) => scene.system.behaveWell(),
  needs: ['linux'],
  stage: {},
};

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
        const [broker] = scene.system.wards.broker;
        if (broker !== undefined) await keepDown(scene, broker, 'SIGTERM', 0);
        await scene.wait(5_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: emptyAgain,
  needs: ['small-disk'],
  stage: { disk: { of: 'broker', kind: 'small' } },
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
};

/** More than a server finds in the pages that it has. */
const BULKY = `create temporary table no_room as select repeat('x', 1000) as text from generate_series(1, 20000)`;

export const postgresDiskFull: Experiment = {
  name: 'postgres-disk-full',
  shows:
    "When the database's disk is full events are accepted and come into the log; what was to be recorded waits, and goes on when there is room.",
  steadyState: answersAndDelivers,
  fault: {
    says: "the database's disk is filled up, then emptied",
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      const { disk, database } = scene.system;
      for (let round = 0; round < rounds; round += 1) {
        await scene.during('disk full', async () => {
          scene.count('other');
          disk?.fill();
          try {
            const why = await database.query({ text: BULKY }).then(
              () => undefined,
              (error: unknown) => String(error instanceof Error ? error.message : error),
            );
            if (why === undefined) scene.problem('the database found room: expected none');
            else scene.note(`the database says: ${why}`);
            await scene.wait(scene.amount(6_000, 12_000, 20_000));
          } finally {
            disk?.empty();
          }
        });
        await scene.wait(5_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: emptyAgain,
  needs: ['small-disk'],
  stage: { disk: { of: 'postgres', kind: 'small' } },
};

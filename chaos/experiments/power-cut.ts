import type { Role } from '../role.ts';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

function powerCutExperiment(name: string, shows: string, of: 'broker' | 'journal', part: Role, door: 'open' | 'later'): Experiment {
  return {
    name,
    shows,
    steadyState: answersAndDelivers,
    fault: {
      says: `the disk of the ${of} loses its power while it is written to, and ${part} is killed with it`,
      async inject(scene) {
        const cuts = scene.amount(2, 4, 10);
        const { disk } = scene.system;
        if (disk === undefined) throw new Error('expected a disk');
        // The one that has the disk.
        const [ward] = scene.system.wards[part];
        if (ward === undefined) throw new Error(`expected ${part}`);
        for (let done = 0; done < cuts;) {
          await scene.wait(2_000 + scene.random() * 2_000);
          if (ward.pid === undefined) continue;
          await scene.during(`power cut of the ${of}`, async () => {
            ward.hold();
            try {
              const down = ward.whenDown();
              disk.cutPower();
              ward.signal('SIGKILL');
              await down;
              disk.restart();
            } finally {
              ward.release();
            }
          });
          scene.count('power cuts');
          scene.count('kills');
          done += 1;
        }
      },
    },
    expects: { says: door === 'open' ? 'each request is answered with 2xx' : 'every event is acknowledged in the end', door },
    undo: nothingToUndo,
    needs: ['power-disk'],
    stage: { disk: { of, kind: 'power' } },
  };
}

export const powerCutBroker = powerCutExperiment(
  'power-cut-broker',
  'What the broker has confirmed is on its disk: a machine that loses its power loses nothing of it.',
  'broker',
  'broker',
  'open',
);

export const powerCutJournal = powerCutExperiment(
  'power-cut-journal',
  'What the door has answered with 2xx is on its disk: a machine that loses its power loses nothing of it.',
  'journal',
  'ingest',
  'later',
);

import { requestApi } from '../../lib/jetstream/api-request.ts';
import { STREAMS } from '../../streams/subjects.ts';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

export const deleteConsumers: Experiment = {
  name: 'delete-consumers',
  shows: "The broker's cursors are a convenience: one that somebody deletes is made again at the place that the record knows.",
  steadyState: answersAndDelivers,
  fault: {
    says: 'consumers of EVENTS and COMMANDS are deleted by hand, drawn by lot',
    async inject(scene) {
      const deletions = scene.amount(6, 20, 60);
      const { connection } = scene.system;
      for (let done = 0; done < deletions; done += 1) {
        const stream = scene.random() < 0.5 ? STREAMS.events : STREAMS.commands;
        const { consumers } = await requestApi<{ consumers: readonly string[] }>(connection, `$JS.API.CONSUMER.NAMES.${stream}`);
        const lanes = consumers.filter((name) => !name.startsWith('scan-'));
        const name = lanes[Math.floor(scene.random() * lanes.length)];
        if (name !== undefined)
          await scene.during(`delete ${name}`, async () => {
            // It may be gone already.
            await requestApi(connection, `$JS.API.CONSUMER.DELETE.${stream}.${name}`).catch(() => undefined);
            scene.count('other');
          });
        await scene.wait(500 + scene.random() * 500);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

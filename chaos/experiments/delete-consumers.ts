import { poll } from '../../lib/dev/poll.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { STREAMS } from '../../streams/subjects.ts';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo } from '../faults.ts';
import { ownedConsumers } from '../lane-consumers.ts';
import type { ObservedSystem } from '../observed-system.ts';
import { answersAndDelivers } from '../steady-state.ts';

/** An owner looks at its consumers each second; a unit that has just moved takes longer. */
const MADE_AGAIN_MS = 60_000;

export const deleteConsumers: Experiment<ObservedSystem> = {
  name: 'delete-consumers',
  shows: "The broker's cursors are a convenience: one that somebody deletes is made again at the place that the record knows.",
  steadyState: answersAndDelivers,
  fault: {
    says: 'consumers of EVENTS and COMMANDS are deleted by hand, drawn by lot',
    async inject(scene) {
      const deletions = scene.amount(6, 20, 60);
      const { system } = scene;
      const deleted = new Map<string, string>();
      for (let done = 0; done < deletions; done += 1) {
        const stream = scene.random() < 0.5 ? STREAMS.events : STREAMS.commands;
        const lanes = await ownedConsumers(system, stream);
        const name = lanes[Math.floor(scene.random() * lanes.length)];
        if (name !== undefined)
          await scene.during(`delete ${name}`, async () => {
            deleted.set(`${stream} ${name}`, `$JS.API.CONSUMER.INFO.${stream}.${name}`);
            // It may be gone already.
            await requestApi(system.connection, `$JS.API.CONSUMER.DELETE.${stream}.${name}`).catch(() => undefined);
            scene.count('other');
          });
        await scene.wait(500 + scene.random() * 500);
      }
      for (const [consumer, question] of deleted) {
        const isThere = async (): Promise<true | undefined> => (await requestApi<object>(system.connection, question), true);
        await poll(isThere, { deadlineMs: MADE_AGAIN_MS, what: `${consumer} to be made again` }).catch((error: unknown) =>
          scene.problem(String(error)),
        );
      }
    },
  },
  expects: { says: 'each request is answered with 2xx, and each consumer is made again', door: 'open' },
  // Its owner makes it again, and has done so before the fault is over.
  undo: nothingToUndo,
  needs: [],
  stage: {},
};

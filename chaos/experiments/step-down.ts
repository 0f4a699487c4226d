import { requestApi } from '../../lib/jetstream/api-request.ts';
import { STREAMS } from '../../streams/subjects.ts';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo } from '../faults.ts';
import { ownedConsumers } from '../lane-consumers.ts';
import type { ObservedSystem } from '../observed-system.ts';
import { answersAndDelivers } from '../steady-state.ts';

/** An election that was asked for is over in tens of milliseconds; a busy machine takes longer. */
const REQUEST_MS = 5_000;

export const stepDown: Experiment<ObservedSystem> = {
  name: 'step-down',
  shows: 'Leaders may change at any time, as in a rolling upgrade of the brokers: streams and lanes go on with the next one.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'the leaders of EVENTS and COMMANDS, and of consumers drawn by lot, are told to step down',
    async inject(scene) {
      const changes = scene.amount(8, 30, 90);
      const { system } = scene;
      let refused = 0;
      for (let done = 0; done < changes; done += 1) {
        const stream = scene.random() < 0.5 ? STREAMS.events : STREAMS.commands;
        const lanes = scene.random() < 0.5 ? [] : await ownedConsumers(system, stream);
        const consumer = lanes[Math.floor(scene.random() * lanes.length)];
        const [what, subject] =
          consumer === undefined
            ? [stream, `STREAM.LEADER.STEPDOWN.${stream}`]
            : [consumer, `CONSUMER.LEADER.STEPDOWN.${stream}.${consumer}`];
        await scene.during(`leader of ${what}`, async () => {
          // While there is no leader yet nobody can step down.
          const isDone = await requestApi(system.connection, `$JS.API.${subject}`, {}, REQUEST_MS).then(
            () => true,
            () => false,
          );
          if (isDone) scene.count('other');
          else refused += 1;
        });
        await scene.wait(500 + scene.random() * 1_000);
      }
      if (refused === changes) scene.problem('no leader stepped down: expected streams with several copies');
      else if (refused > 0) scene.note(`${refused} of ${changes} found nobody to step down`);
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  // The next leader is elected by the brokers themselves.
  undo: nothingToUndo,
  needs: [],
  stage: {},
  topologies: ['cluster'],
};

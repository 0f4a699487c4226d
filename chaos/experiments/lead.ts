import { BOTH_WAYS, type Way } from '../../lib/dev/fault-proxy.ts';
import { STREAMS } from '../../streams/subjects.ts';
import { type Experiment, type Scene, wayText } from '../experiment.ts';
import { killAndWait, nothingToUndo, pause } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';
import type { Ward } from '../ward.ts';

const streamByLot = (scene: Scene): string => (scene.random() < 0.5 ? STREAMS.events : STREAMS.commands);

const leaderByLot = (scene: Scene): Promise<Ward> => scene.system.leaderOf(streamByLot(scene));

export const killLeader: Experiment = {
  name: 'kill-leader',
  shows: 'The broker that leads the log may die: the door answers while the others elect, and nothing that was confirmed is lost.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'kill -9 of the broker that leads EVENTS or COMMANDS, as often as there is a leader again',
    async inject(scene) {
      const kills = scene.amount(2, 8, 25);
      for (let done = 0; done < kills;) {
        const leader = await leaderByLot(scene);
        if (await killAndWait(scene, leader)) done += 1;
        await scene.wait(4_000 + scene.random() * 4_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: [],
  stage: {},
  topologies: ['cluster'],
};

export const pauseLeader: Experiment = {
  name: 'pause-leader',
  shows: 'A leader that stands still is replaced, and what it believes when it wakes up counts for nothing.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'SIGSTOP of the broker that leads EVENTS or COMMANDS, for longer than an election takes',
    async inject(scene) {
      const pauses = scene.amount(1, 3, 8);
      for (let done = 0; done < pauses; done += 1) {
        const leader = await leaderByLot(scene);
        await pause(scene, leader, scene.amount(10_000, 15_000, 20_000));
        await scene.wait(4_000);
      }
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo: nothingToUndo,
  needs: ['linux'],
  stage: {},
  topologies: ['cluster'],
};

const WAYS: readonly (readonly Way[])[] = [BOTH_WAYS, ['to-server'], ['to-client']];

export const cutOffLeader: Experiment = {
  name: 'cut-off-leader',
  shows:
    'A leader that its peers do not hear, or that does not hear them, is replaced, also where programs still reach it: it confirms nothing alone.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'the broker that leads EVENTS or COMMANDS is cut off from the other brokers, both ways and one way, without a word to anybody',
    async inject(scene) {
      const { network, wards } = scene.system;
      if (network === undefined) throw new Error('expected a network of the brokers');
      const rounds = scene.amount(1, 1, 2);
      let replaced = 0;
      for (let round = 0; round < rounds; round += 1)
        for (const ways of WAYS) {
          const stream = streamByLot(scene);
          const leader = await scene.system.leaderOf(stream);
          await scene.during(`${leader.name}: ${wayText(ways)}`, async () => {
            scene.count('cuts');
            network.cut(wards.broker.indexOf(leader), ways);
            try {
              await scene.wait(scene.amount(12_000, 15_000, 20_000));
            } finally {
              network.heal();
            }
          });
          await scene.wait(4_000 + scene.random() * 2_000);
          if ((await scene.system.leaderOf(stream)) !== leader) replaced += 1;
        }
      scene.note(`${replaced} of ${rounds * WAYS.length} leaders were replaced`);
      if (replaced === 0) scene.problem('no leader was replaced: expected that a cut is noticed');
    },
  },
  expects: { says: 'each request is answered with 2xx', door: 'open' },
  undo(scene) {
    scene.system.network?.heal();
    return Promise.resolve();
  },
  needs: ['namespaces'],
  stage: { network: true },
  topologies: ['cluster'],
};

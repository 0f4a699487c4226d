import { STREAMS } from '../../streams/subjects.ts';
import type { Experiment } from '../experiment.ts';
import { killAndWait, nothingToUndo, pause } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

export const killLeader: Experiment = {
  name: 'kill-leader',
  shows: 'The broker that leads the log may die: the door answers while the others elect, and nothing that was confirmed is lost.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'kill -9 of the broker that leads EVENTS or COMMANDS, as often as there is a leader again',
    async inject(scene) {
      const kills = scene.amount(2, 8, 25);
      for (let done = 0; done < kills;) {
        const leader = await scene.system.leaderOf(scene.random() < 0.5 ? STREAMS.events : STREAMS.commands);
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
        const leader = await scene.system.leaderOf(scene.random() < 0.5 ? STREAMS.events : STREAMS.commands);
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

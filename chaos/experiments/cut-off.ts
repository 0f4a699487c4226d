import { BOTH_WAYS, type Way } from '../../lib/dev/fault-proxy.ts';
import type { LinkName } from '../chaos-system.ts';
import { type Experiment, type Scene, wayText } from '../experiment.ts';
import { answersAndDelivers } from '../steady-state.ts';

const WAYS: readonly (readonly Way[])[] = [BOTH_WAYS, ['to-server'], ['to-client']];

async function cut(scene: Scene, name: LinkName, ways: readonly Way[], ms: number): Promise<void> {
  const link = scene.system.links.get(name);
  if (link === undefined) throw new Error(`expected a link ${name}`);
  await scene.during(`${name}: ${wayText(ways)}`, async () => {
    scene.count('cuts');
    link.cut(ways);
    try {
      await scene.wait(ms);
    } finally {
      await link.heal();
    }
  });
}

function cutOffExperiment(name: string, shows: string, links: readonly LinkName[]): Experiment {
  return {
    name,
    shows,
    steadyState: answersAndDelivers,
    fault: {
      says: `${links.join(', ')}: bytes are held back, both ways and one way, without a word to anybody`,
      async inject(scene) {
        const rounds = scene.amount(1, 1, 2);
        for (let round = 0; round < rounds; round += 1)
          for (const link of links)
            for (const ways of WAYS) {
              // Longer than a lease, and than the pings that notice a dead connection.
              await cut(scene, link, ways, scene.amount(4_000, 8_000, 15_000));
              await scene.wait(1_000 + scene.random() * 1_000);
            }
      },
    },
    expects: { says: 'each request is answered with 2xx', door: 'open' },
    async undo(scene) {
      for (const link of scene.system.links.values()) await link.heal();
    },
    needs: [],
    stage: { links: true },
  };
}

export const cutOffBroker = cutOffExperiment(
  'cut-off-broker',
  'A program that is cut off from the broker, or hears it and is not heard, loses nothing and does nothing twice.',
  ['ingest-broker', 'processor-broker', 'notifier-broker'],
);

export const cutOffPostgres = cutOffExperiment(
  'cut-off-postgres',
  'A program that is cut off from the database settles nothing, and knows afterwards what was committed.',
  ['processor-postgres', 'notifier-postgres'],
);

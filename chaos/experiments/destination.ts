import type { Experiment } from '../experiment.ts';
import { answersAndDelivers } from '../steady-state.ts';

/** More than a fault meets. */
const ALWAYS = 1_000_000;

interface DestinationFault {
  readonly name: string;
  readonly shows: string;
  readonly says: string;
  /** What the peer does instead, for the requests of how many. See `POST /behaviour` of the sink. */
  readonly answers: readonly object[];
  /** How long; a retry after it comes within some two minutes. */
  readonly ms: readonly [low: number, medium: number, high: number];
}

function destinationExperiment({ name, shows, says, answers, ms }: DestinationFault): Experiment {
  return {
    name,
    shows,
    steadyState: answersAndDelivers,
    fault: {
      says,
      async inject(scene) {
        for (const answer of answers)
          await scene.during(JSON.stringify(answer), async () => {
            scene.count('other');
            await scene.system.behave({ times: ALWAYS, answer });
            await scene.wait(scene.amount(...ms) / answers.length);
            await scene.system.behaveWell();
          });
      },
    },
    expects: { says: 'each request is answered with 2xx, and no message is given up', door: 'open' },
    undo: (scene) => scene.system.behaveWell(),
    needs: [],
    stage: {},
  };
}

export const destinationDown: Experiment = {
  name: 'destination-down',
  shows: 'While a destination is down its messages wait in their order, and come through when it is back.',
  steadyState: answersAndDelivers,
  fault: {
    says: 'the peer refuses every connection',
    async inject(scene) {
      await scene.during('the peer is down', async () => {
        scene.count('other');
        const broken = await scene.system.peerLink.refuse();
        await scene.wait(scene.amount(4_000, 10_000, 16_000));
        const [row] = await scene.system.database.query<{ count: number }>({
          text: `select count(*)::int as count from effects where state in ('held', 'unknown') or repeats > 0`,
        });
        // What was on its way when its connection broke may have arrived.
        if (row!.count > broken) scene.problem(`${row!.count} effects are unknown, expected at most the ${broken} that were on their way`);
      });
    },
  },
  expects: {
    says: 'each request is answered with 2xx, and what could not be sent is known not to be',
    door: 'open',
  },
  undo: (scene) => scene.system.peerLink.heal(),
  needs: [],
  stage: {},
};

export const destinationSlow = destinationExperiment({
  name: 'destination-slow',
  shows: 'A slow destination holds up itself, and not the door.',
  says: 'the peer answers three seconds late',
  answers: [{ delayMs: 3_000 }],
  ms: [6_000, 15_000, 40_000],
});

export const destinationSilent = destinationExperiment({
  name: 'destination-silent',
  shows: 'Where a destination takes a message and never answers, nobody knows; what is done then is what the step says.',
  says: 'the peer takes the message and is silent',
  answers: [{ delayMs: 600_000 }],
  ms: [3_000, 5_000, 10_000],
});

export const destinationLies = destinationExperiment({
  name: 'destination-lies',
  shows: 'Where a destination takes a message and breaks off, it is told again only where the step allows it, and the ledger knows.',
  says: 'the peer takes the message and breaks off: without an answer, then in the middle of one; then it takes nothing and answers as nobody should',
  answers: [{ hangUp: 'after-read' }, { hangUp: 'half-answer' }, { status: 503, body: 'down' }, { hangUp: 'before-read' }],
  ms: [4_000, 12_000, 40_000],
});

/** The processor: opens a run for every event that a workflow wants, and takes runs from step to step. */
import { systemClock } from '../../lib/core/clock.ts';
import { startActorProgram } from '../../lib/host/actor-program.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import { runProgram } from '../../lib/program/run-program.ts';
import { createRunReader } from '../../lib/store/run-reader.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { readProcessorConfig } from './config.ts';
import { createWorkflowActor } from './workflow-actor.ts';

await runProgram({
  name: 'processor',
  readConfig: () => readProcessorConfig(),
  start: (context) =>
    startActorProgram(context, {
      name: 'processor',
      actors: ({ connection, database }) => [
        createWorkflowActor({
          reader: createRunReader(database),
          readMessage: (stream, seq) => readStored(connection, stream, seq),
          clock: systemClock,
          log: context.log,
        }),
      ],
      lanesOf: lanesOfActor,
      subjects: DEAD_LETTER_SUBJECTS,
      // Turns take milliseconds; what is not through by then is left to the next owner.
      drainMs: 5_000,
    }),
});

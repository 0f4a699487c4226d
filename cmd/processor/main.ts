/**
 * The processor: opens a run for every event that a workflow wants, and takes runs from step to step. ACTORS says which of its own
 * actors a process runs (`document` renders documents), VISAPI_ACTORS where those of a user's own are.
 */
import { startActorProgram } from '../../lib/host/actor-program.ts';
import { type ProgramContext, runProgram } from '../../lib/program/run-program.ts';
import { DEAD_LETTER_SUBJECTS, lanesOfActor } from '../../streams/actor-lanes.ts';
import { sourceOfMessage } from '../../streams/subjects.ts';
import { createBuiltInActor } from './actors.ts';
import { type ProcessorConfig, readProcessorConfig } from './config.ts';
import { startHousekeeping } from './housekeeping.ts';
import { loadUserActors } from './user-actors.ts';

await runProgram({ name: 'processor', logsByTurn: true, readConfig: () => readProcessorConfig(), start });

async function start(context: ProgramContext<ProcessorConfig>) {
  const { config, log, registry } = context;
  const userActors = await loadUserActors(config.userActors);
  const documents = config.actors.includes('document') ? await openDocuments(context) : undefined;
  const program = await startActorProgram(context, {
    name: 'processor',
    actors: (resources) => [...config.actors.map((name) => createBuiltInActor(name, { ...resources, log, documents })), ...userActors],
    lanesOf: lanesOfActor,
    sourceOf: sourceOfMessage,
    subjects: DEAD_LETTER_SUBJECTS,
    ...(config.actors.includes('workflow') ? { beside: (resources) => startHousekeeping({ ...resources, log, registry }) } : {}),
    // Turns take milliseconds, a document usually less than a second; what is not through by then is left to the next owner.
    drainMs: 5_000,
  });
  return {
    async stop() {
      await program.stop();
      await documents?.stop();
    },
  };
}

/** Loaded where it is needed: the browser's library is larger than the rest of the program. */
async function openDocuments(context: ProgramContext<ProcessorConfig>) {
  const { openDocumentWork } = await import('./document/document-work.ts');
  return openDocumentWork(context);
}

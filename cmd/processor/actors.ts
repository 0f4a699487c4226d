import type { ActorDefinition } from '../../lib/actor/define-actor.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import { createRunReader } from '../../lib/store/run-reader.ts';
import type { Database } from '../../lib/store/database.ts';
import type { Logger } from '../../lib/telemetry/log.ts';
import type { BuiltInActor } from './config.ts';
import type { DocumentWork } from './document/document-work.ts';
import { createWorkflowActor } from './workflow-actor.ts';

export interface ActorResources {
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: Logger;
  /** There where this process renders documents. */
  readonly documents: DocumentWork | undefined;
}

/** One of the actors that this program brings along. */
export function createBuiltInActor(name: BuiltInActor, { connection, database, log, documents }: ActorResources): ActorDefinition {
  switch (name) {
    case 'workflow':
      // Its input comes from its own `input`, so the runtime needs no name for the type.
      return createWorkflowActor({
        reader: createRunReader(database),
        readMessage: (stream, seq) => readStored(connection, stream, seq),
        clock: systemClock,
        log,
      }) as ActorDefinition;
    case 'document':
      if (documents === undefined) throw new TypeError('document: expected what renders documents, got nothing');
      return documents.createActor(connection) as ActorDefinition;
  }
}

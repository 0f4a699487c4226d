import type { DeadLetterSubjects } from '../actor/dead-letter.ts';
import type { ActorDefinition } from '../actor/define-actor.ts';
import type { RuntimeOptions } from '../actor/runtime.ts';
import type { BrokerConfig, CommonConfig } from '../config/common.ts';
import type { Secret } from '../core/secret.ts';
import { startOpsServer } from '../http/ops-server.ts';
import type { BrokerConnection } from '../jetstream/connection.ts';
import { openBroker } from '../jetstream/open-broker.ts';
import type { ProgramContext } from '../program/run-program.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { startActorHost } from './actor-host.ts';

/** What a program that runs actors is configured with. */
export interface ActorProgramConfig extends CommonConfig, BrokerConfig {
  readonly databaseUrl: Secret;
  readonly instance: string;
  readonly opsPort: number;
}

export interface ActorProgram {
  readonly name: string;
  /** The actors, over what was opened for them. */
  readonly actors: (resources: { readonly connection: BrokerConnection; readonly database: Database }) => readonly ActorDefinition[];
  readonly lanesOf: RuntimeOptions['lanesOf'];
  readonly subjects: DeadLetterSubjects;
  /** See `RuntimeOptions`. (Default: all messages are of one source) */
  readonly sourceOf?: RuntimeOptions['sourceOf'];
  /** Runs beside the actors, over the same connections. (Default: nothing) */
  readonly beside?: (resources: { readonly connection: BrokerConnection; readonly database: Database }) => { stop(): Promise<void> };
  /** How long handlers may go on after a stop; twice this and a little stays below the program's own limit. */
  readonly drainMs: number;
}

/** Opens broker and database, runs the actors and the operations server; what fails on the way is closed again. */
export async function startActorProgram<Config extends ActorProgramConfig>(
  { config, log, registry, version }: ProgramContext<Config>,
  program: ActorProgram,
): Promise<{ stop(): Promise<void> }> {
  const { instance, opsHost, opsPort } = config;
  const { name, actors, lanesOf, subjects, sourceOf, beside, drainMs } = program;
  const opened: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).toReversed()) await end();
  };
  try {
    const connection = await openBroker(config, `${name} ${instance}`, log);
    opened.push(() => connection.close());
    const database = await openDatabase({
      url: config.databaseUrl.reveal(),
      applicationName: `${name} ${instance}`,
      allowUnsafe: config.env === 'development',
    });
    opened.push(() => database.close());
    const host = startActorHost({
      instance,
      connection,
      database,
      log,
      registry,
      actors: actors({ connection, database }),
      lanesOf,
      subjects,
      ...(sourceOf === undefined ? {} : { sourceOf }),
    });
    opened.push(() => host.stop(drainMs));
    const besides = beside?.({ connection, database });
    opened.push(async () => await besides?.stop());
    const ops = await startOpsServer({ host: opsHost, port: opsPort, program: name, version, registry, readiness: () => host.readiness() });
    opened.push(() => ops.stop());
    return { stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

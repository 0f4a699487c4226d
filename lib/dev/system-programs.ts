import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectBroker } from '../jetstream/connection.ts';
import type { StreamConfig } from '../jetstream/stream-config.ts';
import { applyStreams } from '../jetstream/stream-plan.ts';
import { demoMailEnvironment, type MailAccount } from '../sink/mail-account.ts';
import type { Sink } from '../sink/sink.ts';
import { demoSlackChannels } from '../sink/workspace.ts';
import type { Database } from '../store/database.ts';
import { roleAddress } from '../store/role-address.ts';
import type { DatabaseProgram } from '../store/table-rights.ts';
import { applyWorkflow } from '../store/workflows.ts';
import { compileText } from '../workflow/compile.ts';
import { browserEnvironment } from './browser-environment.ts';
import { shareSocket } from './held-socket.ts';
import { findFreePort, findFreePorts } from './port.ts';
import { createProgram, type LocalProgram } from './program.ts';
import { storeTestSettings, type TestSecrets, type TestSource } from './test-settings.ts';

export type ProgramName = 'ingest' | 'processor' | 'notifier';

/** What the programs of a whole system stand on, and what is otherwise than usual. */
export interface SystemPlan {
  /** Journals, logs and what else the programs write. */
  readonly folder: string;
  readonly natsUrl: string;
  /** The owner's; each program gets its own role. */
  readonly databaseUrl: string;
  /** Of the roles. (Default: `any`, for servers that take any) */
  readonly databasePassword?: string;
  readonly sink: Sink;
  readonly secrets: TestSecrets;
  /** The Slack channels' file, as JSON, by the local Slack's address. (Default: the demo's) */
  readonly channels?: (sinkUrl: string) => string;
  /** The account at the sink's mail server. (Default: there is none) */
  readonly mail?: MailAccount;
  /** Whether the processor renders documents, too. (Default: no) */
  readonly documents?: boolean;
  /** Added to the environment of every program and of the tool. */
  readonly env?: Readonly<Record<string, string>>;
  /** Added to the environment of one process of a program, over all else; they are numbered from 1. */
  readonly envOf?: (name: ProgramName, number: number) => NodeJS.ProcessEnv;
  /** Where a program finds the database instead. (Default: where it is) */
  readonly databaseUrlOf?: (name: ProgramName, url: string) => string;
  /** Of each program. (Default: 1) */
  readonly processes?: number;
  /** Whether the door's socket is held while ingest is started anew, as `npm start` does. (Default: no) */
  readonly holdsSocket?: boolean;
}

export interface SystemPrograms {
  readonly ingestUrl: string;
  /** The first process of each. */
  readonly programs: Readonly<Record<ProgramName, LocalProgram>>;
  /** All of them. */
  readonly processes: Readonly<Record<ProgramName, readonly LocalProgram[]>>;
  /** What the tool needs to find this system: the environment of `visapi`. */
  readonly env: Readonly<Record<string, string>>;
}

/** Describes ingest, processor and notifier over a broker and a database, with ports that nobody has; nothing runs before their `start`. */
export async function describePrograms(plan: SystemPlan): Promise<SystemPrograms> {
  const { folder, sink, secrets, mail } = plan;
  const count = plan.processes ?? 1;
  const doorPort = await findFreePort();
  const opsPorts = { ingest: await findFreePorts(count), processor: await findFreePorts(count), notifier: await findFreePorts(count) };
  const channels = join(folder, 'channels.json');
  writeFileSync(channels, (plan.channels ?? demoSlackChannels)(sink.url));
  const databaseUrl = (name: DatabaseProgram): string => roleAddress(plan.databaseUrl, name, plan.databasePassword ?? 'any');
  const env: Record<string, string> = {
    VISAPI_HOME: folder,
    NATS_URL: plan.natsUrl,
    ALLOW_UNSAFE_BROKER: 'true',
    DATABASE_URL: databaseUrl('tool'),
    INGEST_PORT: String(doorPort),
    INGEST_OPS_PORT: String(opsPorts.ingest[0]),
    PROCESSOR_OPS_PORT: String(opsPorts.processor[0]),
    NOTIFIER_OPS_PORT: String(opsPorts.notifier[0]),
    ...secrets.env,
    SLACK_CHANNELS_FILE: channels,
    SLACK_API_URL: `${sink.url}/api`,
    EGRESS_ALLOW: [sink.url, sink.smtpUrl].filter((url) => url !== undefined).join(','),
    ...(sink.smtpUrl === undefined ? {} : demoMailEnvironment(sink.smtpUrl, mail)),
    ...plan.env,
  };
  const door = shareSocket('127.0.0.1', doorPort);
  const process = (program: ProgramName, opsPort: number, number: number): LocalProgram => {
    const name = number === 1 ? program : `${program}-${number}`;
    return createProgram({
      name,
      command: [`cmd/${program}/main.ts`],
      env: {
        ...env,
        ...(program === 'processor' && plan.documents ? rendererEnvironment() : {}),
        VISAPI_INSTANCE: name,
        [`${program.toUpperCase()}_OPS_PORT`]: String(opsPort),
        // Each with its own role: a right that nobody has declared fails here.
        DATABASE_URL: program === 'ingest' ? '' : (plan.databaseUrlOf?.(program, databaseUrl(program)) ?? databaseUrl(program)),
        WATCHDOG_FILE: join(folder, `${name}.watchdog.json`),
        ...plan.envOf?.(program, number),
      },
      logFile: join(folder, `${name}.log`),
      readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
      ...(program === 'ingest' && plan.holdsSocket ? { listensOn: door } : {}),
    });
  };
  const all = (program: ProgramName) => opsPorts[program].map((opsPort, at) => process(program, opsPort, at + 1));
  const processes = { ingest: all('ingest'), processor: all('processor'), notifier: all('notifier') };
  const [ingest, processor, notifier] = [processes.ingest[0]!, processes.processor[0]!, processes.notifier[0]!];
  return { ingestUrl: `http://127.0.0.1:${doorPort}`, programs: { ingest, processor, notifier }, processes, env };
}

/** One process does both: a second one would cost a test a second. */
function rendererEnvironment(): NodeJS.ProcessEnv {
  const key = randomBytes(32).toString('base64');
  return { ...browserEnvironment(), ACTORS: 'workflow,document', DOCUMENT_BROWSERS: '1', DOCUMENT_LINK_KEY: key };
}

/** Makes the streams, the sources and an API key of the source `api`. @returns the key's text */
export async function prepareBroker(
  natsUrl: string,
  streams: readonly StreamConfig[],
  secrets: TestSecrets,
  sources: readonly TestSource[],
): Promise<string> {
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  try {
    await applyStreams(connection, streams);
    return await storeTestSettings(secrets, connection, sources);
  } finally {
    await connection.close();
  }
}

/** Saves workflows, given as their text. @throws Error with the mistakes of one */
export async function saveWorkflows(database: Database, workflows: readonly string[]): Promise<void> {
  for (const text of workflows) {
    const checked = compileText(text, 1);
    if (checked.kind !== 'right') throw new Error(JSON.stringify(checked.mistakes));
    const { definition } = checked.value;
    await applyWorkflow(database, { name: definition.name, document: definition, who: 'test' });
  }
}

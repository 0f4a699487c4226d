import { join, resolve } from 'node:path';
import { shareSocket } from '../../lib/dev/held-socket.ts';
import type { LocalHome } from '../../lib/dev/local-home.ts';
import { createProgram, type LocalProgram } from '../../lib/dev/program.ts';
import { demoMailEnvironment } from '../../lib/sink/mail-account.ts';
import { inheritedEnvironment, localSecretFiles, type PortName, type ToolConfig } from './config.ts';
import type { LocalBroker } from './local-broker.ts';
import type { LocalDatabase } from './local-database.ts';

/** One process of `visapi dev`, before it is known where its servers are. */
export interface LocalProcess {
  /** Its own: of its log, of its pid file, and what it keeps when it is started again. */
  readonly name: string;
  readonly program: 'ingest' | 'processor' | 'notifier';
  readonly opsPort: PortName;
  /** Its role at the database. */
  readonly role: keyof LocalDatabase['urls'] | undefined;
  /** What makes it another process than its program's usual one. */
  readonly env: NodeJS.ProcessEnv;
}

/** In the order of a stop: the door closes first. In a cluster two of each program; what prints documents is there once. */
export function describeProcesses(config: ToolConfig, home: LocalHome, isCluster: boolean): readonly LocalProcess[] {
  const publicUrl = inheritedEnvironment()['PUBLIC_URL'] ?? `http://127.0.0.1:${config.ingest}`;
  const paths = (config.userActors ?? '').split(',').map((path) => resolve(path.trim()));
  const each = <Item>(items: readonly [Item, Item]): readonly Item[] => (isCluster ? items : [items[0]]);
  return [
    ...each<LocalProcess>([
      { name: 'ingest', program: 'ingest', opsPort: 'ingestOps', role: undefined, env: ownFiles(home, '') },
      { name: 'ingest-2', program: 'ingest', opsPort: 'ingestOps2', role: undefined, env: ownFiles(home, '-2') },
    ]),
    ...each<LocalProcess>([
      { name: 'processor', program: 'processor', opsPort: 'processorOps', role: 'processor', env: {} },
      { name: 'processor-2', program: 'processor', opsPort: 'processorOps2', role: 'processor', env: {} },
    ]),
    // It renders documents and does nothing else.
    {
      name: 'renderer',
      program: 'processor',
      opsPort: 'rendererOps',
      role: 'renderer',
      env: { ACTORS: 'document', PUBLIC_URL: publicUrl },
    },
    // A user's own actors have a process of their own: what they do to it is not done to the workflows.
    ...(config.userActors
      ? [
          {
            name: 'actors',
            program: 'processor',
            opsPort: 'actorsOps',
            role: 'user_actors',
            env: { ACTORS: 'none', VISAPI_ACTORS: paths.join(',') },
          } as const,
        ]
      : []),
    ...each<LocalProcess>([
      { name: 'notifier', program: 'notifier', opsPort: 'notifierOps', role: 'notifier', env: {} },
      { name: 'notifier-2', program: 'notifier', opsPort: 'notifierOps2', role: 'notifier', env: {} },
    ]),
  ];
}

/** The journal of an ingest is nobody else's. */
function ownFiles(home: LocalHome, ending: string): NodeJS.ProcessEnv {
  const { INGEST_JOURNAL_PATH: journal = home.journal, INGEST_SETTINGS_FILE: settings = home.settings } = inheritedEnvironment();
  const own = (path: string): string => (path === 'none' ? path : `${path}${ending}`);
  return { INGEST_JOURNAL_PATH: own(journal), INGEST_SETTINGS_FILE: own(settings) };
}

export interface ProcessSurroundings {
  readonly config: ToolConfig;
  readonly home: LocalHome;
  readonly broker: LocalBroker;
  readonly database: LocalDatabase;
  readonly sinkUrl: string;
}

/** The programs themselves, with the local peer as the last one to stop: it stays until nobody can call it. */
export function createPrograms(processes: readonly LocalProcess[], surroundings: ProcessSurroundings): readonly LocalProgram[] {
  const { config, home, database, sinkUrl } = surroundings;
  const env = sharedEnvironment(surroundings);
  // Requests wait while an ingest is started anew, and several share them.
  const door = shareSocket(inheritedEnvironment()['INGEST_HOST'] ?? '127.0.0.1', config.ingest);
  const program = (name: string, more: NodeJS.ProcessEnv, rest: Pick<Parameters<typeof createProgram>[0], 'command' | 'readyUrl'>) =>
    createProgram({
      name,
      ...rest,
      // Both take the absence of a broker as it comes.
      needsNothing: rest.command[0] === INGEST || name === 'sink',
      ...(rest.command[0] === INGEST ? { listensOn: door } : {}),
      env: { ...env, WATCHDOG_FILE: join(home.run, `${name}.watchdog.json`), ...more },
      logFile: join(home.logs, `${name}.log`),
    });
  return [
    ...processes.map(({ name, program: what, opsPort, role, env: own }) =>
      program(
        name,
        {
          VISAPI_INSTANCE: name,
          [`${what.toUpperCase()}_OPS_PORT`]: `${config[opsPort]}`,
          // Who has no role does not learn where the database is.
          DATABASE_URL: role && database.urls[role],
          ...own,
        },
        { command: [`cmd/${what}/main.ts`], readyUrl: `http://127.0.0.1:${config[opsPort]}/readyz` },
      ),
    ),
    program(
      'sink',
      {},
      {
        command: ['cmd/visapi/main.ts', 'sink', '--file', join(home.root, 'slack-messages.jsonl')],
        readyUrl: `${sinkUrl}/behaviour`,
      },
    ),
  ];
}

const INGEST = 'cmd/ingest/main.ts';

function sharedEnvironment({ config, home, broker, sinkUrl }: ProcessSurroundings): NodeJS.ProcessEnv {
  return {
    ...inheritedEnvironment(),
    VISAPI_HOME: home.root,
    NATS_URL: broker.url,
    ...(broker.monitorUrl === undefined ? {} : { NATS_MONITOR_URL: broker.monitorUrl }),
    INGEST_PORT: `${config.ingest}`,
    SINK_PORT: `${config.sink}`,
    SINK_SMTP_PORT: `${config.sinkSmtp}`,
    SINK_URL: sinkUrl,
    VISAPI_ACTORS: '',
    DATABASE_URL: undefined,
    ...localSecretFiles(home),
    ...localPeers(config, sinkUrl),
  };
}

/** The local peer stands for Slack and for a mail server, unless a person has named channels or a server of their own. */
function localPeers(config: ToolConfig, sinkUrl: string): NodeJS.ProcessEnv {
  const smtpUrl = `smtp://127.0.0.1:${config.sinkSmtp}`;
  const slack = config.slackChannelsFile ? undefined : { SLACK_CHANNELS_FILE: config.home.slackChannels, SLACK_API_URL: `${sinkUrl}/api` };
  const mail = config.smtpUrl ? undefined : demoMailEnvironment(smtpUrl);
  const allowed = [config.egressAllow, slack && sinkUrl, mail && smtpUrl].filter((origin) => origin);
  return { ...slack, ...mail, EGRESS_ALLOW: allowed.join(',') };
}

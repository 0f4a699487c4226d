import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findBrowser } from '../../lib/browser/find-browser.ts';
import { findBrokerBinary } from '../../lib/dev/broker-binary.ts';
import { createBroker } from '../../lib/dev/broker.ts';
import { ensureLocalSecrets } from '../../lib/dev/local-secrets.ts';
import { createProgram, type LocalProgram } from '../../lib/dev/program.ts';
import type { Ready, ReadyDemo } from '../../lib/dev/ready-file.ts';
import { demoMailEnvironment } from '../../lib/sink/mail-account.ts';
import { demoSlackChannels } from '../../lib/sink/workspace.ts';
import { createSupervisor, type Supervisor } from '../../lib/dev/supervisor.ts';
import { inheritedEnvironment, localSecretFiles, PORT_VARIABLES, type ToolConfig } from './config.ts';
import { ensureDemoSettings } from './demo-settings.ts';
import { createLocalDatabase, type LocalDatabase } from './local-database.ts';
import { prepareStores } from './prepare.ts';

/** Everything that `visapi dev` runs, and what it will be known by. */
export interface LocalStack {
  readonly supervisor: Supervisor;
  /** Known once the supervisor has started: the demo's secrets are in the broker. */
  ready(): Ready;
}

type Addresses = Omit<Ready, 'demo'>;

/** Puts together broker, database and programs out of the configuration; what only this machine needs is made when it is missing. */
export async function createLocalStack(config: ToolConfig, say: (line: string) => void): Promise<LocalStack> {
  const { home } = config;
  await mkdir(home.root, { recursive: true });
  await ensureLocalSecrets(home);
  const database = await createLocalDatabase(config);
  const addresses = describeStack(config, database);
  let demo: ReadyDemo | undefined;
  await writeFile(home.slackChannels, demoSlackChannels(addresses.sinkUrl), { mode: 0o600 });
  const programs = localPrograms(config, addresses, database);
  const supervisor = createSupervisor({
    home,
    ports: portsToListenOn(config),
    programs,
    say,
    async servers() {
      const postgres = database.server;
      if (config.natsUrl) return { postgres };
      const binary = await findBrokerBinary({ cache: home.cache, say });
      const logFile = join(home.logs, 'nats.log');
      const broker = createBroker({ binary, folder: home.natsData, port: config.nats, monitorPort: config.natsMonitor, logFile });
      return { broker, postgres };
    },
    async prepare() {
      await prepareStores(addresses.natsUrl, database.ownerUrl, say);
      await database.admitPrograms();
      demo = await ensureDemoSettings(addresses.natsUrl, home.demoApiKey, say);
      await lookForBrowser(config, say);
    },
  });
  return {
    supervisor,
    ready() {
      if (demo === undefined) throw new Error('expected a stack that has started');
      return { ...addresses, demo };
    },
  };
}

function describeStack(config: ToolConfig, database: LocalDatabase): Addresses {
  const at = (port: number) => `http://127.0.0.1:${port}`;
  return {
    ingestUrl: at(config.ingest),
    opsUrls: {
      ingest: at(config.ingestOps),
      processor: at(config.processorOps),
      [RENDERER]: at(config.rendererOps),
      ...(config.userActors ? { [USER_ACTORS]: at(config.actorsOps) } : {}),
      notifier: at(config.notifierOps),
    },
    natsUrl: config.natsUrl ?? `nats://127.0.0.1:${config.nats}`,
    databaseUrl: database.urls.tool,
    sinkUrl: at(config.sink),
  };
}

/** In the order of a stop: the door closes first, and the local peer stays until nobody can call it. */
function localPrograms(config: ToolConfig, ready: Addresses, database: LocalDatabase): readonly LocalProgram[] {
  const env: NodeJS.ProcessEnv = {
    ...inheritedEnvironment(),
    VISAPI_HOME: config.home.root,
    NATS_URL: ready.natsUrl,
    // A broker somewhere else has its monitoring somewhere else, too, and the person's environment says where.
    ...(config.natsUrl ? {} : { NATS_MONITOR_URL: `http://127.0.0.1:${config.natsMonitor}` }),
    INGEST_PORT: `${config.ingest}`,
    INGEST_OPS_PORT: `${config.ingestOps}`,
    PROCESSOR_OPS_PORT: `${config.processorOps}`,
    NOTIFIER_OPS_PORT: `${config.notifierOps}`,
    SINK_PORT: `${config.sink}`,
    SINK_SMTP_PORT: `${config.sinkSmtp}`,
    SINK_URL: ready.sinkUrl,
    // A user's own actors have a process of their own: what they do to it is not done to the workflows.
    VISAPI_ACTORS: '',
    ...localSecretFiles(config.home),
    ...localPeers(config, ready),
  };
  // Each with its own role; who has none does not learn where the database is.
  const databaseUrls: Readonly<Partial<Record<string, string>>> = database.urls;
  const door = { host: inheritedEnvironment()['INGEST_HOST'] ?? '127.0.0.1', port: config.ingest };
  const program = (name: string, command: readonly [string, ...string[]], readyUrl: string, more: NodeJS.ProcessEnv = {}) =>
    createProgram({
      name,
      command,
      readyUrl,
      // A provider's request waits while ingest is started anew.
      ...(name === 'ingest' ? { listensOn: door } : {}),
      env: { ...env, DATABASE_URL: databaseUrls[name], WATCHDOG_FILE: join(config.home.run, `${name}.watchdog.json`), ...more },
      logFile: join(config.home.logs, `${name}.log`),
    });
  const own: Readonly<Record<string, NodeJS.ProcessEnv>> = {
    [USER_ACTORS]: { ...userActorsEnvironment(config), DATABASE_URL: database.urls.user_actors },
    [RENDERER]: { ...rendererEnvironment(config), DATABASE_URL: database.urls.renderer },
  };
  return [
    ...Object.entries(ready.opsUrls).map(([name, url]) => {
      const main = name in own ? 'cmd/processor/main.ts' : `cmd/${name}/main.ts`;
      return program(name, [main], `${url}/readyz`, own[name]);
    }),
    program('sink', ['cmd/visapi/main.ts', 'sink', '--file', join(config.home.root, 'slack-messages.jsonl')], `${ready.sinkUrl}/messages`),
  ];
}

/** The local peer stands for Slack and for a mail server, unless a person has named channels or a server of their own. */
function localPeers(config: ToolConfig, { sinkUrl }: Addresses): NodeJS.ProcessEnv {
  const smtpUrl = `smtp://127.0.0.1:${config.sinkSmtp}`;
  const slack = config.slackChannelsFile ? undefined : { SLACK_CHANNELS_FILE: config.home.slackChannels, SLACK_API_URL: `${sinkUrl}/api` };
  const mail = config.smtpUrl ? undefined : demoMailEnvironment(smtpUrl);
  const allowed = [config.egressAllow, slack && sinkUrl, mail && smtpUrl].filter((origin) => origin);
  return { ...slack, ...mail, EGRESS_ALLOW: allowed.join(',') };
}

/** The name of the process, and of its log. */
const USER_ACTORS = 'actors';

function userActorsEnvironment(config: ToolConfig): NodeJS.ProcessEnv {
  const paths = (config.userActors ?? '').split(',').map((path) => resolve(path.trim()));
  return { ACTORS: 'none', VISAPI_ACTORS: paths.join(','), VISAPI_INSTANCE: USER_ACTORS, PROCESSOR_OPS_PORT: `${config.actorsOps}` };
}

/** The name of the process, and of its log. */
const RENDERER = 'renderer';

/** Everything else works without one, so it is not fetched unasked. */
async function lookForBrowser({ home }: ToolConfig, say: (line: string) => void): Promise<void> {
  const { CHROMIUM_PATH: path, PATH: searchPath } = inheritedEnvironment();
  if ((await findBrowser({ path, searchPath, cache: home.cache })) === undefined)
    say('no Chromium: documents wait until `npm run browser` has put one into .visapi (about 100 MB)');
}

/** A processor that renders documents and does nothing else. */
function rendererEnvironment(config: ToolConfig): NodeJS.ProcessEnv {
  const publicUrl = inheritedEnvironment()['PUBLIC_URL'] ?? `http://127.0.0.1:${config.ingest}`;
  return { ACTORS: 'document', VISAPI_INSTANCE: RENDERER, PROCESSOR_OPS_PORT: `${config.rendererOps}`, PUBLIC_URL: publicUrl };
}

function portsToListenOn(config: ToolConfig): Record<string, number> {
  const elsewhere: string[] = [];
  if (config.natsUrl) elsewhere.push('nats', 'natsMonitor');
  if (config.databaseUrl) elsewhere.push('postgres');
  if (!config.userActors) elsewhere.push('actorsOps');
  const names = (Object.keys(PORT_VARIABLES) as (keyof typeof PORT_VARIABLES)[]).filter((name) => !elsewhere.includes(name));
  return Object.fromEntries(names.map((name) => [PORT_VARIABLES[name].env, config[name]]));
}

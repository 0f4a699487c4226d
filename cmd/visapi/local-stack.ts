import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBrokerBinary } from '../../lib/dev/broker-binary.ts';
import { createBroker } from '../../lib/dev/broker.ts';
import { ensureDemoSources } from '../../lib/dev/demo-sources.ts';
import { createPostgres } from '../../lib/dev/postgres.ts';
import { createProgram, type LocalProgram } from '../../lib/dev/program.ts';
import type { Ready } from '../../lib/dev/ready-file.ts';
import { demoSlackChannels } from '../../lib/sink/workspace.ts';
import { createSupervisor, type Supervisor } from '../../lib/dev/supervisor.ts';
import { inheritedEnvironment, PORT_VARIABLES, type ToolConfig } from './config.ts';
import { prepareStores } from './prepare.ts';

/** Everything that `visapi dev` runs, and what it will be known by. */
export interface LocalStack {
  readonly supervisor: Supervisor;
  readonly ready: Ready;
}

const signatureHeader = 'x-hub-signature-256';

/** Puts together broker, database and programs out of the configuration; the sources' secrets are made here when they are missing. */
export async function createLocalStack(config: ToolConfig, say: (line: string) => void): Promise<LocalStack> {
  const { home } = config;
  await mkdir(home.root, { recursive: true });
  const ready = await describeStack(config);
  await writeFile(home.slackChannels, demoSlackChannels(ready.sinkUrl), { mode: 0o600 });
  const programs = localPrograms(config, ready);
  const supervisor = createSupervisor({
    home,
    ports: portsToListenOn(config),
    programs,
    say,
    async servers() {
      const postgres = config.databaseUrl
        ? undefined
        : createPostgres({ folder: home.postgresData, port: config.postgres, logFile: join(home.logs, 'postgres.log') });
      if (config.natsUrl) return { postgres };
      const binary = await findBrokerBinary({ cache: home.cache, say });
      const logFile = join(home.logs, 'nats.log');
      const broker = createBroker({ binary, folder: home.natsData, port: config.nats, monitorPort: config.natsMonitor, logFile });
      return { broker, postgres };
    },
    prepare: () => prepareStores(ready.natsUrl, ready.databaseUrl, say),
  });
  return { supervisor, ready };
}

async function describeStack(config: ToolConfig): Promise<Ready> {
  const at = (port: number) => `http://127.0.0.1:${port}`;
  const github = (await ensureDemoSources(config.home.sources)).find(({ preset }) => preset === 'github');
  return {
    ingestUrl: at(config.ingest),
    opsUrls: { ingest: at(config.ingestOps), processor: at(config.processorOps), notifier: at(config.notifierOps) },
    natsUrl: config.natsUrl ?? `nats://127.0.0.1:${config.nats}`,
    databaseUrl: config.databaseUrl ?? `postgres://visapi:visapi@127.0.0.1:${config.postgres}/visapi`,
    sinkUrl: at(config.sink),
    demo: { source: github?.name ?? 'github', secret: github?.secrets[0]?.value ?? '', signatureHeader, apiKey: null },
  };
}

/** In the order of a stop: the door closes first, and the local Slack stays until nobody can call it. */
function localPrograms(config: ToolConfig, ready: Ready): readonly LocalProgram[] {
  const env: NodeJS.ProcessEnv = {
    ...inheritedEnvironment(),
    VISAPI_HOME: config.home.root,
    NATS_URL: ready.natsUrl,
    // A broker somewhere else has its monitoring somewhere else, too, and the person's environment says where.
    ...(config.natsUrl ? {} : { NATS_MONITOR_URL: `http://127.0.0.1:${config.natsMonitor}` }),
    DATABASE_URL: ready.databaseUrl,
    INGEST_PORT: `${config.ingest}`,
    INGEST_OPS_PORT: `${config.ingestOps}`,
    PROCESSOR_OPS_PORT: `${config.processorOps}`,
    NOTIFIER_OPS_PORT: `${config.notifierOps}`,
    SINK_PORT: `${config.sink}`,
    SINK_URL: ready.sinkUrl,
    INGEST_SOURCES_FILE: config.home.sources,
    ...localSlack(config, ready),
  };
  const program = (name: string, command: readonly [string, ...string[]], readyUrl: string) =>
    createProgram({ name, command, readyUrl, env, logFile: join(config.home.logs, `${name}.log`) });
  return [
    ...Object.entries(ready.opsUrls).map(([name, url]) => program(name, [`cmd/${name}/main.ts`], `${url}/readyz`)),
    program('sink', ['cmd/visapi/main.ts', 'sink', '--file', join(config.home.root, 'slack-messages.jsonl')], `${ready.sinkUrl}/messages`),
  ];
}

/** The local peer stands for Slack, unless a person has named channels of their own. */
function localSlack(config: ToolConfig, { sinkUrl }: Ready): NodeJS.ProcessEnv {
  if (config.slackChannelsFile) return {};
  return { SLACK_CHANNELS_FILE: config.home.slackChannels, SLACK_API_URL: `${sinkUrl}/api`, EGRESS_ALLOW: sinkUrl };
}

function portsToListenOn(config: ToolConfig): Record<string, number> {
  const elsewhere: string[] = [];
  if (config.natsUrl) elsewhere.push('nats', 'natsMonitor');
  if (config.databaseUrl) elsewhere.push('postgres');
  const names = (Object.keys(PORT_VARIABLES) as (keyof typeof PORT_VARIABLES)[]).filter((name) => !elsewhere.includes(name));
  return Object.fromEntries(names.map((name) => [PORT_VARIABLES[name].env, config[name]]));
}

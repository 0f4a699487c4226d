import { existsSync } from 'node:fs';
import { z } from 'zod';
import { COMMON_VARIABLES, OPTIONAL_SETTINGS_VARIABLES } from '../../lib/config/common.ts';
import { type ConfigOf, integer, optional, parseConfig, text, variable } from '../../lib/config/config.ts';
import { type LocalHome, localHome } from '../../lib/dev/local-home.ts';
import { terminal } from './terminal.ts';

/** Below 1024 only root may listen. */
const localPort = integer({ min: 1_024, max: 65_535 });

/** An even number bears the loss of no more brokers than the odd one below it. */
const copies = z.enum(['1', '3', '5']).transform(Number);

/** Below 32768, where kernels give none away. */
export const defaults = {
  natsPort: 24_222,
  natsMonitorPort: 28_222,
  postgresPort: 25_432,
  ingestPort: 27_080,
  ingestOpsPort: 27_081,
  processorOpsPort: 27_082,
  notifierOpsPort: 27_083,
  rendererOpsPort: 27_084,
  actorsOpsPort: 27_085,
  natsPort2: 24_223,
  natsPort3: 24_224,
  natsMonitorPort2: 28_223,
  natsMonitorPort3: 28_224,
  natsRoutePort: 26_222,
  natsRoutePort2: 26_223,
  natsRoutePort3: 26_224,
  ingestOpsPort2: 27_181,
  processorOpsPort2: 27_182,
  notifierOpsPort2: 27_183,
  sinkPort: 27_090,
  sinkSmtpPort: 27_025,
} as const;

const port = (env: string, what: string, number: number) =>
  variable(env, localPort, { description: `The port of ${what}.`, default: `${number}` });

/** The ports of a machine on which everything runs, each with the variable that changes it. */
export const PORT_VARIABLES = {
  nats: port('NATS_PORT', 'the local broker', defaults.natsPort),
  natsMonitor: port('NATS_MONITOR_PORT', "the local broker's monitoring pages", defaults.natsMonitorPort),
  postgres: port('POSTGRES_PORT', 'the local database', defaults.postgresPort),
  ingest: port('INGEST_PORT', 'the door for webhooks', defaults.ingestPort),
  ingestOps: port('INGEST_OPS_PORT', "ingest's health and metrics", defaults.ingestOpsPort),
  processorOps: port('PROCESSOR_OPS_PORT', "the processor's health and metrics", defaults.processorOpsPort),
  notifierOps: port('NOTIFIER_OPS_PORT', "the notifier's health and metrics", defaults.notifierOpsPort),
  rendererOps: port('RENDERER_OPS_PORT', 'health and metrics of the process that renders documents', defaults.rendererOpsPort),
  actorsOps: port('ACTORS_OPS_PORT', "health and metrics of the process for a user's own actors", defaults.actorsOpsPort),
  nats2: port('NATS_PORT_2', "a cluster's second broker", defaults.natsPort2),
  nats3: port('NATS_PORT_3', "a cluster's third broker", defaults.natsPort3),
  natsMonitor2: port('NATS_MONITOR_PORT_2', "the second broker's monitoring pages", defaults.natsMonitorPort2),
  natsMonitor3: port('NATS_MONITOR_PORT_3', "the third broker's monitoring pages", defaults.natsMonitorPort3),
  natsRoute: port('NATS_ROUTE_PORT', "a cluster's first broker for the other two", defaults.natsRoutePort),
  natsRoute2: port('NATS_ROUTE_PORT_2', 'the second broker for the other two', defaults.natsRoutePort2),
  natsRoute3: port('NATS_ROUTE_PORT_3', 'the third broker for the other two', defaults.natsRoutePort3),
  ingestOps2: port('INGEST_OPS_PORT_2', "a cluster's second ingest", defaults.ingestOpsPort2),
  processorOps2: port('PROCESSOR_OPS_PORT_2', "a cluster's second processor", defaults.processorOpsPort2),
  notifierOps2: port('NOTIFIER_OPS_PORT_2', "a cluster's second notifier", defaults.notifierOpsPort2),
  sink: port('SINK_PORT', 'the local Slack and its page', defaults.sinkPort),
  sinkSmtp: port('SINK_SMTP_PORT', 'the local mail server', defaults.sinkSmtpPort),
} as const;

/** One of the ports that `visapi dev` may listen on. */
export type PortName = keyof typeof PORT_VARIABLES;

const ADDRESS_VARIABLES = {
  natsUrl: optional('NATS_URL', text, { description: 'A broker somewhere else; visapi dev then starts none.' }),
  natsUser: optional('NATS_USER', text, { description: 'The user at the broker, where the URL does not carry it.' }),
  natsPassword: optional('NATS_PASSWORD', text, { description: "The user's password at the broker." }),
  databaseUrl: optional('DATABASE_URL', text, { description: 'A PostgreSQL somewhere else; visapi dev then starts none.' }),
  ingestUrl: optional('INGEST_URL', text, { description: 'Where visapi send posts to.' }),
  slackChannelsFile: optional('SLACK_CHANNELS_FILE', text, {
    description: 'Channels of a real Slack; visapi dev then does not put the local one in its place.',
  }),
  smtpUrl: optional('SMTP_URL', text, { description: 'A real mail server; visapi dev then does not put the local one in its place.' }),
  egressAllow: optional('EGRESS_ALLOW', text, { description: 'What the notifier may call beside the local peers.' }),
  userActors: optional('VISAPI_ACTORS', text, {
    description: 'Files or folders with actors of your own: visapi dev runs them in a process of their own, visapi actors lists them.',
  }),
  journalPath: optional('INGEST_JOURNAL_PATH', text, { description: 'The journal that visapi journal looks at.' }),
  replicas: optional('VISAPI_REPLICAS', copies, {
    description:
      'Copies of every stream: 1, or 3 in a cluster. Without it what runs decides: 3 with `npm start -- --cluster`, otherwise 1.',
  }),
  sinkUrl: optional('SINK_URL', text, { description: 'Where the local Slack is.' }),
} as const;

export const TOOL_VARIABLES = {
  ...PORT_VARIABLES,
  ...ADDRESS_VARIABLES,
  env: COMMON_VARIABLES.env,
  ...OPTIONAL_SETTINGS_VARIABLES,
} as const;

/** What the tool takes from its environment. */
export type ToolConfig = ConfigOf<typeof TOOL_VARIABLES> & {
  /** `.visapi`, or what VISAPI_HOME names. */
  readonly home: LocalHome;
};

/** Reads the environment. @throws AppError `invalid_config` with all problems together */
export function readToolConfig(env: NodeJS.ProcessEnv = terminal().env ?? process.env): ToolConfig {
  const home = localHome(env['VISAPI_HOME']);
  const made = Object.entries(localSecretFiles(home, env)).filter(([, file]) => existsSync(file));
  const config = parseConfig(TOOL_VARIABLES, { ...env, ...Object.fromEntries(made) });
  return { ...config, natsUrl: withLogin(config.natsUrl, config.natsUser, config.natsPassword), home };
}

/** The variables of the secrets that `npm start` makes, where a person has set none: what it made, and where that is. */
export function localSecretFiles(home: LocalHome, env: NodeJS.ProcessEnv = terminal().env ?? process.env): Record<string, string> {
  const files = { VISAPI_SECRETS_KEY: home.secretsKey, API_KEY_PEPPER: home.apiKeyPepper, DOCUMENT_LINK_KEY: home.documentLinkKey };
  const missing = Object.entries(files).filter(([name]) => env[name] === undefined && !env[`${name}_FILE`]);
  return Object.fromEntries(missing.map(([name, file]) => [`${name}_FILE`, file]));
}

/** What a child program inherits: what a person has set, and nothing of npm's own. */
export function inheritedEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('npm_')));
}

function withLogin(address: string | undefined, user: string | undefined, password: string | undefined): string | undefined {
  if (!address || !user) return address;
  const url = new URL(address);
  url.username = user;
  url.password = password ?? '';
  return url.toString();
}

/** The person's editor with its arguments, as they have named it; undefined where they have not. */
export function readEditor(env: NodeJS.ProcessEnv = terminal().env ?? process.env): string | undefined {
  return env['VISUAL'] || env['EDITOR'] || undefined;
}

import { localHome } from '../../lib/dev/local-home.ts';

/** The defaults of a machine on which nothing is configured. All ports lie below 32768, where kernels give none away. */
export const defaults = {
  natsPort: 24_222,
  natsMonitorPort: 28_222,
  postgresPort: 25_432,
  ingestPort: 27_080,
  ingestOpsPort: 27_081,
  processorOpsPort: 27_082,
  notifierOpsPort: 27_083,
  sinkPort: 27_090,
} as const;

/** What the tool takes from its environment; undefined where nothing is set. */
export interface ToolConfig {
  readonly natsUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly ingestUrl: string | undefined;
  readonly sinkUrl: string | undefined;
  /** `.visapi`, or what VISAPI_HOME names. */
  readonly home: ReturnType<typeof localHome>;
}

/** Reads the environment. */
export function readToolConfig(env: NodeJS.ProcessEnv = process.env): ToolConfig {
  return {
    natsUrl: withLogin(env['NATS_URL'], env['NATS_USER'], env['NATS_PASSWORD']),
    databaseUrl: env['DATABASE_URL'],
    ingestUrl: env['INGEST_URL'],
    sinkUrl: env['SINK_URL'],
    home: localHome(env['VISAPI_HOME']),
  };
}

function withLogin(address: string | undefined, user: string | undefined, password: string | undefined): string | undefined {
  if (!address || !user) return address;
  const url = new URL(address);
  url.username = user;
  url.password = password ?? '';
  return url.toString();
}

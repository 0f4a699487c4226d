import { z } from 'zod';
import { type ConfigOf, flag, integer, optional, optionalSecret, type Relation, secret, text, variable } from './config.ts';

/** The variables that every long-running program has. */
export const COMMON_VARIABLES = {
  env: variable('VISAPI_ENV', z.enum(['development', 'staging', 'production']), {
    description: 'Which environment this is; it stands in every log line and metric.',
    default: 'development',
  }),
  logLevel: variable('LOG_LEVEL', z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), {
    description: 'The least severe log line that is written.',
    default: 'info',
  }),
  opsHost: variable('OPS_HOST', text, {
    description: 'The address that the operations server listens on; it has no authentication.',
    default: '127.0.0.1',
  }),
  watchdogMs: variable('WATCHDOG_MS', integer({ min: 0, max: 600_000 }), {
    // Longer than any stall that a healthy process has, shorter than anybody's patience; a lease is gone after 3 s anyway.
    description: 'A process whose event loop is blocked longer than this kills itself; 0 turns it off. Milliseconds.',
    default: '10000',
  }),
  stopTimeoutMs: variable('STOP_TIMEOUT_MS', integer({ min: 100, max: 600_000 }), {
    // Below the 30 s after which Kubernetes kills.
    description: 'How long a graceful stop may take before the process gives up and exits with 1. Milliseconds.',
    default: '20000',
  }),
} as const;

export type CommonConfig = ConfigOf<typeof COMMON_VARIABLES>;

export const BROKER_VARIABLES = {
  natsUrl: secret('NATS_URL', {
    description: 'The broker, as nats://host:port; it may carry user:password@.',
    default: 'nats://127.0.0.1:24222',
  }),
  natsUser: optional('NATS_USER', text, { description: 'The user at the broker, where the URL does not carry it.' }),
  natsPassword: optionalSecret('NATS_PASSWORD', { description: "The user's password at the broker." }),
  natsMonitorUrl: variable('NATS_MONITOR_URL', text, {
    description: "The broker's monitoring, as http://host:port, of a cluster all of them with commas: there it says whether it fsyncs.",
    default: 'http://127.0.0.1:28222',
  }),
  allowUnsafeBroker: variable('ALLOW_UNSAFE_BROKER', flag, {
    description: 'Run on a broker that may lose what it confirmed (also --allow-unsafe-broker). Never in production.',
    default: 'false',
  }),
} as const;

/** Production does not run on a broker that may lose what it confirmed. */
export const BROKER_RELATIONS: readonly Relation<{ readonly env: CommonConfig['env']; readonly allowUnsafeBroker: boolean }>[] = [
  {
    of: ['ALLOW_UNSAFE_BROKER', 'VISAPI_ENV'],
    expected: 'false where VISAPI_ENV is production',
    holds: ({ env, allowUnsafeBroker }) => env !== 'production' || !allowUnsafeBroker,
  },
];

export type BrokerConfig = ConfigOf<typeof BROKER_VARIABLES>;

/** The command line's flags that stand for variables. */
export const COMMON_FLAGS = { '--allow-unsafe-broker': 'ALLOW_UNSAFE_BROKER' } as const;

export const DATABASE_VARIABLES = {
  databaseUrl: secret('DATABASE_URL', {
    description: 'The database, as postgres://user:password@host:port/name.',
    default: 'postgres://visapi:visapi@127.0.0.1:25432/visapi',
  }),
} as const;

/** The name that a restarted process keeps, so that it may take over its own leases. */
export function instanceVariable(program: string) {
  return {
    instance: variable(
      'VISAPI_INSTANCE',
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected up to 63 letters, digits, dots, dashes'),
      {
        description: 'The name that a restarted process keeps, so that it may take over its own leases. Two processes must not share it.',
        default: program,
      },
    ),
  } as const;
}

import { z } from 'zod';
import { DEVELOPMENT_MARK, parseSealKeys } from '../core/seal.ts';
import type { Secret } from '../core/secret.ts';
import {
  type ConfigOf,
  flag,
  integer,
  optional,
  optionalSecret,
  optionalSecretOf,
  type Relation,
  secret,
  secretOf,
  text,
  variable,
} from './config.ts';

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
  watchdogFile: optional('WATCHDOG_FILE', text, {
    description:
      'Where that is noted, so that the next start of the same process can tell and count it; without it a file for each instance in the folder for temporary files.',
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
    description:
      "The database, as postgres://user:password@host:port/name; the user is the program's own role, see docs/database-rights.md.",
  }),
} as const;

/** 256 bits in base64 are 44 characters; what is shorter was thought up. */
const MIN_PEPPER_LENGTH = 32;

const secretsKey = {
  description:
    'Seals what is stored: base64 of 32 bytes, as `openssl rand -base64 32` makes it. Several with commas: the first seals, all of them open.',
};
const pepper = {
  description: 'API keys are stored as digests under it: at least 32 characters. With another one no key is known any more.',
};

function checkPepper(text: string): void {
  if (text.length < MIN_PEPPER_LENGTH) throw new TypeError(`expected at least ${MIN_PEPPER_LENGTH} characters`);
}

/** What sources and API keys are read with. No default: whoever runs it makes them. `npm start` makes its own once. */
export const SETTINGS_VARIABLES = {
  secretsKey: secretOf('VISAPI_SECRETS_KEY', parseSealKeys, secretsKey),
  apiKeyPepper: secretOf('API_KEY_PEPPER', checkPepper, pepper),
} as const;

/** The same for the tool, most of whose commands need neither. */
export const OPTIONAL_SETTINGS_VARIABLES = {
  secretsKey: optionalSecretOf('VISAPI_SECRETS_KEY', parseSealKeys, secretsKey),
  apiKeyPepper: optionalSecretOf('API_KEY_PEPPER', checkPepper, pepper),
} as const;

/** Links to documents are signed by who renders them and checked by ingest. Without it nobody does either. */
export const DOCUMENT_LINK_VARIABLES = {
  documentLinkKey: optionalSecretOf('DOCUMENT_LINK_KEY', checkPepper, {
    description:
      'Signs links to documents: at least 32 characters. With another one no link opens any more. `npm start` makes its own once.',
  }),
} as const;

const OWN = 'one of its own where VISAPI_ENV is production, not the one that npm start has made';

/** Production does not run on the secrets that `npm start` made: they lie in a folder beside the code. */
export const SETTINGS_RELATIONS: readonly Relation<{ readonly env: CommonConfig['env'] } & ConfigOf<typeof SETTINGS_VARIABLES>>[] = [
  { of: ['VISAPI_SECRETS_KEY', 'VISAPI_ENV'], expected: OWN, holds: ({ env, secretsKey }) => isOwn(env, secretsKey) },
  { of: ['API_KEY_PEPPER', 'VISAPI_ENV'], expected: OWN, holds: ({ env, apiKeyPepper }) => isOwn(env, apiKeyPepper) },
];

function isOwn(env: CommonConfig['env'], value: Secret): boolean {
  return env !== 'production' || !value.reveal().includes(DEVELOPMENT_MARK);
}

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

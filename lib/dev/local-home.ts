import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root: two levels above this file, whatever the working directory is. */
export const projectRoot = resolve(fileURLToPath(import.meta.url), '../../..');

/** NODE_COMPILE_CACHE of our programs: compiled code is kept between starts, and a start takes half the time. */
export const compileCache = join(projectRoot, '.visapi/cache/node');

/** Where everything local is kept. Nothing outside of it is written unless asked for. */
export interface LocalHome {
  readonly root: string;
  /** Downloaded and extracted binaries; may be deleted at any time. */
  readonly cache: string;
  readonly natsData: string;
  readonly postgresData: string;
  /** What ingest has accepted and the log does not have yet. */
  readonly journal: string;
  /** The sources and keys that ingest has known last. */
  readonly settings: string;
  readonly logs: string;
  /** Pid files of what is running. */
  readonly run: string;
  /** The addresses and the demo's secret, there only while everything runs. */
  readonly ready: string;
  /** Seals secrets in development (VISAPI_SECRETS_KEY_FILE). */
  readonly secretsKey: string;
  /** API keys are digested under it in development (API_KEY_PEPPER_FILE). */
  readonly apiKeyPepper: string;
  /** Links to documents are signed under it in development (DOCUMENT_LINK_KEY_FILE). */
  readonly documentLinkKey: string;
  /** What the database's owner and each program's role log in with in development. */
  readonly databasePasswords: string;
  /** The text of the demo's API key: nobody else keeps it. */
  readonly demoApiKey: string;
  /** The channels that the notifier posts to in development. */
  readonly slackChannels: string;
}

/** @param root absolute or relative to the project; (Default: `VISAPI_HOME`, else `.visapi` in the project's root) */
export function localHome(root = process.env['VISAPI_HOME'] ?? '.visapi'): LocalHome {
  const absolute = resolve(projectRoot, root);
  return {
    root: absolute,
    cache: join(absolute, 'cache'),
    ...dataIn(join(absolute, 'data')),
    logs: join(absolute, 'logs'),
    run: join(absolute, 'run'),
    ready: join(absolute, 'ready.json'),
    secretsKey: join(absolute, 'secrets-key'),
    apiKeyPepper: join(absolute, 'api-key-pepper'),
    documentLinkKey: join(absolute, 'document-link-key'),
    databasePasswords: join(absolute, 'database-passwords.json'),
    demoApiKey: join(absolute, 'demo-api-key'),
    slackChannels: join(absolute, 'slack-channels.json'),
  };
}

/** The same for a cluster: what its brokers and its database have is of no use to a single broker, nor the other way round. */
export function clusterHome(home: LocalHome): LocalHome {
  const folder = join(home.root, 'cluster');
  return { ...home, ...dataIn(folder), demoApiKey: join(folder, 'demo-api-key') };
}

function dataIn(folder: string): Pick<LocalHome, 'natsData' | 'postgresData' | 'journal' | 'settings'> {
  return {
    natsData: join(folder, 'nats'),
    postgresData: join(folder, 'postgres'),
    journal: join(folder, 'journal'),
    settings: join(folder, 'settings.sealed'),
  };
}

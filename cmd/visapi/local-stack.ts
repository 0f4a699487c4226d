import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { findBrowser } from '../../lib/browser/find-browser.ts';
import { partOf } from '../../lib/dev/keep-alive.ts';
import { clusterHome, type LocalHome, projectRoot } from '../../lib/dev/local-home.ts';
import { ensureLocalSecrets } from '../../lib/dev/local-secrets.ts';
import type { Ready, ReadyDemo } from '../../lib/dev/ready-file.ts';
import { createSupervisor, type Ground, type Supervisor } from '../../lib/dev/supervisor.ts';
import { demoSlackChannels } from '../../lib/sink/workspace.ts';
import { inheritedEnvironment, PORT_VARIABLES, type PortName, type ToolConfig } from './config.ts';
import { describeBroker } from './local-broker.ts';
import { createLocalDatabase } from './local-database.ts';
import { createPrograms, describeProcesses, type LocalProcess } from './local-processes.ts';
import { prepareBroker, prepareDatabase } from './prepare.ts';

/** Everything that `visapi dev` runs, and what it will be known by. */
export interface LocalStack {
  readonly supervisor: Supervisor;
  /** Known once the supervisor has started: the demo's secrets are in the broker. */
  ready(): Ready;
}

/** Puts together broker, database and programs out of the configuration; what only this machine needs is made when it is missing. */
export async function createLocalStack(config: ToolConfig, isCluster: boolean, say: (line: string) => void): Promise<LocalStack> {
  const home = isCluster ? clusterHome(config.home) : config.home;
  const broker = describeBroker(config, home, isCluster);
  await mkdir(home.root, { recursive: true });
  await ensureLocalSecrets(home);
  const database = await createLocalDatabase(config, home);
  const processes = describeProcesses(config, home, isCluster);
  const at = (port: PortName): string => `http://127.0.0.1:${config[port]}`;
  const sinkUrl = at('sink');
  await writeFile(home.slackChannels, demoSlackChannels(sinkUrl), { mode: 0o600 });
  let demo: ReadyDemo | undefined;

  async function brokerGround(): Promise<Ground> {
    return {
      servers: await broker.open(say),
      async prepare() {
        demo = await prepareBroker({ url: broker.url, replicas: broker.replicas, keyFile: home.demoApiKey, say });
      },
    };
  }

  function databaseGround(): Promise<Ground> {
    return Promise.resolve({
      servers: database.server ? [partOf('postgres', database.server)] : [],
      prepare: () => prepareDatabase(database, say),
    });
  }

  function browserGround(): Promise<Ground> {
    return Promise.resolve({ servers: [], prepare: () => lookForBrowser(home, say) });
  }

  const ports: PortName[] = [...broker.ports, ...(database.server ? (['postgres'] as const) : []), 'ingest', 'sink', 'sinkSmtp'];
  ports.push(...processes.map(({ opsPort }) => opsPort));
  const supervisor = createSupervisor({
    home,
    ports: Object.fromEntries(ports.map((name) => [PORT_VARIABLES[name].env, config[name]])),
    programs: createPrograms(processes, { config, home, broker, database, sinkUrl }),
    say,
    grounds: [brokerGround, databaseGround, browserGround],
  });
  return {
    supervisor,
    ready() {
      if (demo === undefined) throw new Error('expected a stack that has started');
      return {
        ingestUrl: at('ingest'),
        opsUrls: Object.fromEntries(processes.map(({ name, opsPort }) => [name, at(opsPort)])),
        natsUrl: broker.url,
        replicas: broker.replicas,
        journals: journalsOf(processes),
        databaseUrl: database.urls.tool,
        sinkUrl,
        demo,
      };
    },
  };
}

function journalsOf(processes: readonly LocalProcess[]): string[] {
  return processes.flatMap(({ env: { INGEST_JOURNAL_PATH: path } }) =>
    path === undefined || path === 'none' ? [] : resolve(projectRoot, path),
  );
}

/** Everything else works without one, so it is not fetched unasked. */
async function lookForBrowser(home: LocalHome, say: (line: string) => void): Promise<void> {
  const { CHROMIUM_PATH: path, PATH: searchPath } = inheritedEnvironment();
  if ((await findBrowser({ path, searchPath, cache: home.cache })) === undefined)
    say('no Chromium: documents wait until `npm run browser` has put one into .visapi (about 100 MB)');
}

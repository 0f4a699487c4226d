import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createTestTool, type Ended } from '../cmd/visapi/test-tool.ts';
import type { Broker } from '../lib/dev/broker.ts';
import { browserEnvironment } from '../lib/dev/browser-environment.ts';
import { keepAlive } from '../lib/dev/keep-alive.ts';
import { findFreePort } from '../lib/dev/port.ts';
import { createProgram, type LocalProgram } from '../lib/dev/program.ts';
import { openOwnBroker, openTestBed } from '../lib/dev/test-bed.ts';
import { createTestSecrets, storeTestSettings, type TestSecrets, type TestSource } from '../lib/dev/test-settings.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { applyStreams } from '../lib/jetstream/stream-plan.ts';
import type { SinkAttempt, SinkMessage } from '../lib/sink/arrivals.ts';
import { demoMailEnvironment, type MailAccount } from '../lib/sink/mail-account.ts';
import { type Sink, startSink } from '../lib/sink/sink.ts';
import { demoSlackChannels, type SlackWorkspace } from '../lib/sink/workspace.ts';
import { type Database, openDatabase } from '../lib/store/database.ts';
import { roleAddress } from '../lib/store/role-address.ts';
import type { DatabaseProgram } from '../lib/store/table-rights.ts';
import { applyWorkflow } from '../lib/store/workflows.ts';
import { compileText } from '../lib/workflow/compile.ts';
import { logStreams } from '../streams/log-streams.ts';

/** The whole system as processes of its own, on a broker that a test may kill, with a local Slack in the test's process. */
export interface SystemBed {
  readonly ingestUrl: string;
  readonly sink: Sink;
  readonly broker: Broker;
  readonly database: Database;
  readonly programs: Readonly<Record<ProgramName, LocalProgram>>;
  /** What the tool needs to find this system: the environment of `visapi`. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** May send events of the source `api` to /v1/events. */
  readonly apiKey: string;
  /** Runs the tool in this system's environment; in the test's process, because the start of another one is a second of work. */
  visapi(...words: string[]): Promise<Ended>;
  /** Posts one signed GitHub release; the repository is the key. */
  post(release: { repository: string; tag: string; delivery?: string }): Promise<PostAnswer>;
  /** What has arrived, oldest first. */
  messages(filter?: { readonly sinceMs?: number }): Promise<SinkMessage[]>;
  attempts(): Promise<SinkAttempt[]>;
  /** Makes the local Slack answer differently; see `POST /behaviour` of the sink. */
  behave(behaviour: object): Promise<void>;
  /** Ends what `behave` began, also where it has requests left. */
  behaveWell(): Promise<void>;
  /** Everything that the programs have written so far. */
  logs(): Promise<string>;
  /** The metrics of one program, as text. */
  metrics(name: ProgramName): Promise<string>;
}

/** What a test wants otherwise than most. */
export interface SystemOptions {
  /** The sources with their secrets, as a JSON list. (Default: `github` with `SECRET`) */
  readonly sources?: string;
  /** The Slack channels' file, as JSON, by the local Slack's address. (Default: the demo's) */
  readonly channels?: (sinkUrl: string) => string;
  /** What the local Slack knows. (Default: the demo's) */
  readonly workspace?: SlackWorkspace;
  /** Go into the addresses that the programs and the tool get; the servers of a test take any. */
  readonly passwords?: { readonly broker: string; readonly database: string };
  /** Added to the environment of every program. */
  readonly env?: Readonly<Record<string, string>>;
  /** The account at a mail server beside the local Slack, which the notifier sends through. (Default: there is none) */
  readonly mail?: MailAccount;
  /** Whether the processor renders documents, too, with the browser that `npm test` sees to. (Default: no) */
  readonly documents?: true;
  /** Which programs are started. (Default: all) */
  readonly only?: readonly ProgramName[];
}

export type ProgramName = 'ingest' | 'processor' | 'notifier';

export interface PostAnswer {
  readonly status: number;
  readonly id: string;
  readonly duplicate: boolean;
}

export const SECRET = "It's a Secret to Everybody";

/** A workflow that tells #releases the tag of each release of repositories whose name begins with `owner/`. */
export function releaseWorkflow(owner: string, onUnknown: 'repeat' | 'hold'): string {
  return JSON.stringify({
    name: `tell-${owner}`,
    on: { event: 'release.published', source: 'github', if: `event.data.repository.full_name.startsWith("${owner}/")` },
    steps: [
      {
        id: 'tell',
        uses: 'slack.send',
        'on-unknown': onUnknown,
        with: { channel: '#releases', text: '{{ event.data.repository.full_name }} {{ event.data.release.tag_name }}' },
      },
    ],
  });
}

export async function until(text: string, condition: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  for (const deadline = performance.now() + withinMs; !(await condition()); await wait(25))
    if (performance.now() > deadline) throw new Error(`did not happen within ${withinMs} ms: ${text}`);
}

export async function openSystem(t: TestContext, workflows: readonly string[], options: SystemOptions = {}): Promise<SystemBed> {
  const bed = await openTestBed(t);
  const broker = await openOwnBroker(t);
  const folder = mkdtempSync(join(tmpdir(), 'visapi-system-'));
  const sink = await startSink({
    port: 0,
    ...(options.mail === undefined ? {} : { smtpPort: 0, mailAccount: options.mail }),
    ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
  });
  const database = await openDatabase({ url: bed.databaseUrl, applicationName: 'test', allowUnsafe: true });
  const secrets = createTestSecrets();
  const sources = JSON.parse(
    options.sources ?? JSON.stringify([{ name: 'github', preset: 'github', secrets: [{ value: SECRET }] }]),
  ) as TestSource[];
  await prepareDatabase(database, workflows);
  const apiKey = await prepareBroker(broker.url, secrets, sources);
  const [ingestPort, ingestOps, processorOps, notifierOps] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const channels = join(folder, 'channels.json');
  writeFileSync(channels, (options.channels ?? demoSlackChannels)(sink.url));
  // Each with its own role: a right that nobody has declared fails here.
  const databaseUrl = (name: DatabaseProgram): string => roleAddress(bed.databaseUrl, name, options.passwords?.database ?? 'any');
  const env: Record<string, string> = {
    VISAPI_HOME: folder,
    NATS_URL: options.passwords === undefined ? broker.url : withLogin(broker.url, options.passwords.broker),
    ALLOW_UNSAFE_BROKER: 'true',
    DATABASE_URL: databaseUrl('tool'),
    INGEST_PORT: String(ingestPort),
    INGEST_OPS_PORT: String(ingestOps),
    PROCESSOR_OPS_PORT: String(processorOps),
    NOTIFIER_OPS_PORT: String(notifierOps),
    ...secrets.env,
    SLACK_CHANNELS_FILE: channels,
    SLACK_API_URL: `${sink.url}/api`,
    EGRESS_ALLOW: [sink.url, sink.smtpUrl].filter((url) => url !== undefined).join(','),
    ...(sink.smtpUrl === undefined ? {} : demoMailEnvironment(sink.smtpUrl, options.mail)),
    ...options.env,
  };
  const program = (name: ProgramName, opsPort: number): LocalProgram =>
    createProgram({
      name,
      command: [`cmd/${name}/main.ts`],
      env: {
        ...env,
        ...(name === 'processor' && options.documents ? rendererEnvironment() : {}),
        DATABASE_URL: name === 'ingest' ? '' : databaseUrl(name),
        WATCHDOG_FILE: join(folder, `${name}.watchdog.json`),
      },
      logFile: join(folder, `${name}.log`),
      readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
    });
  const programs = {
    ingest: program('ingest', ingestOps),
    processor: program('processor', processorOps),
    notifier: program('notifier', notifierOps),
  };
  const quiet = {
    onDown: () => undefined,
    onUp: () => undefined,
    onHopeless: (name: string, reason: string) => t.diagnostic(`${name}: ${reason}`),
  };
  const started = (options.only ?? (['ingest', 'processor', 'notifier'] as const)).map((name) => programs[name]);
  const kept = await Promise.all(started.map((each) => keepAlive(each, quiet)));
  t.after(async () => {
    await Promise.all(kept.map((each) => each.stop()));
    await sink.stop();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });
  for (const { name, readyUrl } of started) await until(`${name} is ready`, () => isReady(readyUrl), 60_000);

  const tool = createTestTool(env);
  const ingestUrl = `http://127.0.0.1:${ingestPort}`;
  const json = async <Value>(path: string): Promise<Value> => (await (await fetch(`${sink.url}${path}`)).json()) as Value;
  return {
    ingestUrl,
    sink,
    broker,
    database,
    programs,
    env,
    logFolder: folder,
    apiKey,
    visapi: (...words) => tool.run(...words),
    post: (release) => postRelease(ingestUrl, release),
    messages: ({ sinceMs } = {}) => json(sinceMs === undefined ? '/messages' : `/messages?since=${sinceMs}`),
    attempts: () => json('/attempts'),
    async behave(behaviour) {
      const { status } = await fetch(`${sink.url}/behaviour`, { method: 'POST', body: JSON.stringify(behaviour) });
      if (status !== 201) throw new Error(`the sink refused the behaviour with ${status}`);
    },
    async behaveWell() {
      await fetch(`${sink.url}/behaviour`, { method: 'DELETE' });
    },
    metrics: async (name) => await (await fetch(new URL('/metrics', programs[name].readyUrl))).text(),
    logs: async () => (await Promise.all(Object.keys(programs).map((name) => readFile(join(folder, `${name}.log`), 'utf8')))).join(''),
  };
}

/** One process does both here: a second one would cost a test a second. */
function rendererEnvironment(): NodeJS.ProcessEnv {
  const key = randomBytes(32).toString('base64');
  return { ...browserEnvironment(), ACTORS: 'workflow,document', DOCUMENT_BROWSERS: '1', DOCUMENT_LINK_KEY: key };
}

export async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}

function withLogin(address: string, password: string): string {
  const url = new URL(address);
  url.username ||= 'visapi';
  url.password = password;
  return url.toString();
}

/** @returns the text of an API key */
async function prepareBroker(natsUrl: string, secrets: TestSecrets, sources: readonly TestSource[]): Promise<string> {
  const connection = await connectBroker({ url: natsUrl, name: 'test' });
  try {
    await applyStreams(connection, logStreams({ totalBytes: 256 * 1024 ** 2 }));
    return await storeTestSettings(secrets, connection, sources);
  } finally {
    await connection.close();
  }
}

async function prepareDatabase(database: Database, workflows: readonly string[]): Promise<void> {
  for (const text of workflows) {
    const checked = compileText(text, 1);
    if (checked.kind !== 'right') throw new Error(JSON.stringify(checked.mistakes));
    const { definition } = checked.value;
    await applyWorkflow(database, { name: definition.name, document: definition, who: 'test' });
  }
}

async function postRelease(ingestUrl: string, release: { repository: string; tag: string; delivery?: string }): Promise<PostAnswer> {
  const { repository, tag, delivery = randomUUID() } = release;
  const body = JSON.stringify({ action: 'published', release: { tag_name: tag, draft: false }, repository: { full_name: repository } });
  const response = await fetch(`${ingestUrl}/hooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'release',
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    },
    body,
    signal: AbortSignal.timeout(5_000),
  });
  const answer = (await response.json()) as { id?: string; duplicate?: boolean };
  return { status: response.status, id: answer.id ?? '', duplicate: answer.duplicate ?? false };
}

import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createTestTool, type Ended } from '../cmd/visapi/test-tool.ts';
import type { Broker } from '../lib/dev/broker.ts';
import { keepAlive } from '../lib/dev/keep-alive.ts';
import { poll } from '../lib/dev/poll.ts';
import type { LocalProgram } from '../lib/dev/program.ts';
import { SECRET, signRelease } from '../lib/dev/release-events.ts';
import { describePrograms, prepareBroker, type ProgramName, saveWorkflows } from '../lib/dev/system-programs.ts';
import { eachBroker } from '../lib/dev/test-brokers.ts';
import { openOwnBroker, openTestBed } from '../lib/dev/test-bed.ts';
import { createTestSecrets, type TestSource } from '../lib/dev/test-settings.ts';
import type { SinkAttempt, SinkMessage } from '../lib/sink/arrivals.ts';
import type { MailAccount } from '../lib/sink/mail-account.ts';
import { type Sink, startSink } from '../lib/sink/sink.ts';
import type { SlackWorkspace } from '../lib/sink/workspace.ts';
import { type Database, openDatabase } from '../lib/store/database.ts';
import { testStreams } from './test-streams.ts';

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

/** How many times slower a machine may be that runs other things beside. */
const BUSY = 4;

export interface PostAnswer {
  readonly status: number;
  readonly id: string;
  readonly duplicate: boolean;
}

/** Polls until the condition holds. `withinMs` is what an idle machine needs at most, with room; a busy one gets four times as much. */
export async function until(text: string, condition: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  await poll(async () => (await condition()) || undefined, { deadlineMs: withinMs * BUSY, what: text });
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
  await saveWorkflows(database, workflows);
  const apiKey = await prepareBroker(broker.url, testStreams(), secrets, sources);
  const { passwords, channels, mail } = options;
  const { programs, env, ingestUrl } = await describePrograms({
    folder,
    natsUrl: passwords === undefined ? broker.url : withLogin(broker.url, passwords.broker),
    databaseUrl: bed.databaseUrl,
    sink,
    secrets,
    documents: options.documents === true,
    ...(passwords === undefined ? {} : { databasePassword: passwords.database }),
    ...(channels === undefined ? {} : { channels }),
    ...(mail === undefined ? {} : { mail }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
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

export async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}

function withLogin(address: string, password: string): string {
  return eachBroker(address, (url) => {
    url.username ||= 'visapi';
    url.password = password;
  });
}

async function postRelease(ingestUrl: string, release: { repository: string; tag: string; delivery?: string }): Promise<PostAnswer> {
  const { repository, tag, delivery = randomUUID() } = release;
  const { headers, body } = signRelease({ repository, tag, delivery });
  const response = await fetch(`${ingestUrl}/hooks/github`, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) });
  const answer = (await response.json()) as { id?: string; duplicate?: boolean };
  return { status: response.status, id: answer.id ?? '', duplicate: answer.duplicate ?? false };
}

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { poll } from '../../lib/dev/poll.ts';
import { findFreePort } from '../../lib/dev/port.ts';
import { createProgram, type LocalProgram } from '../../lib/dev/program.ts';
import { createTestSecrets, storeTestSettings } from '../../lib/dev/test-settings.ts';
import { applyWorkflow } from '../../lib/store/workflows.ts';
import { compileText } from '../../lib/workflow/compile.ts';
import type { LogBed } from '../log-bed.ts';

export const PROGRAMS = ['ingest', 'processor', 'notifier'] as const;

export type ProgramName = (typeof PROGRAMS)[number];

/** Ingest, processor and notifier as they are run, over a broker and a database of their own. */
export interface WholeSystem {
  readonly ingestPort: number;
  /** Signs the webhooks of the source `github`. */
  readonly secret: string;
  readonly programs: Readonly<Record<ProgramName, LocalProgram>>;
  stop(): Promise<void>;
}

export interface WholeSystemOptions {
  readonly bed: LogBed;
  readonly slackUrl: string;
  /** Documents; each has a name of its own. */
  readonly workflows: readonly object[];
  /** Where the programs write CPU profiles when they stop. (Default: none are taken) */
  readonly profile: string | undefined;
}

export async function startWholeSystem({ bed, slackUrl, workflows, profile }: WholeSystemOptions): Promise<WholeSystem> {
  const secret = randomBytes(24).toString('hex');
  const secrets = createTestSecrets();
  await storeTestSettings(secrets, bed.connection, [{ name: 'github', preset: 'github', secrets: [{ value: secret }] }]);
  for (const document of workflows) await saveWorkflow(bed, document);
  const channels = join(bed.folder, 'channels.json');
  writeFileSync(channels, JSON.stringify({ '#bench': { kind: 'incoming-webhook', url: `${slackUrl}/services/T0/B0/bench` } }));
  const [ingestPort, ...opsPorts] = [await findFreePort(), await findFreePort(), await findFreePort(), await findFreePort()] as const;
  const env: NodeJS.ProcessEnv = {
    VISAPI_HOME: bed.folder,
    NATS_URL: bed.broker.url,
    NATS_MONITOR_URL: bed.monitorUrl,
    DATABASE_URL: bed.postgres.url,
    INGEST_PORT: `${ingestPort}`,
    INGEST_OPS_PORT: `${opsPorts[0]}`,
    PROCESSOR_OPS_PORT: `${opsPorts[1]}`,
    NOTIFIER_OPS_PORT: `${opsPorts[2]}`,
    // All load comes from one address: it is counted, and never too much.
    INGEST_ADDRESS_REQUESTS_PER_SECOND: '1000000',
    INGEST_JOURNAL_PATH: join(bed.folder, 'journal'),
    SLACK_CHANNELS_FILE: channels,
    EGRESS_ALLOW: slackUrl,
    ...secrets.env,
  };
  const program = (name: ProgramName, opsPort: number): LocalProgram =>
    createProgram({
      name,
      command: [`cmd/${name}/main.ts`],
      env: profile === undefined ? env : { ...env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(profile, name)}` },
      logFile: join(bed.folder, `${name}.log`),
      readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
    });
  const programs = {
    ingest: program('ingest', opsPorts[0]),
    processor: program('processor', opsPorts[1]),
    notifier: program('notifier', opsPorts[2]),
  };
  const stop = async (): Promise<void> => {
    for (const name of PROGRAMS) await programs[name].stop();
  };
  try {
    for (const name of PROGRAMS) await programs[name].start();
    for (const { name, readyUrl } of Object.values(programs))
      await poll(async () => ((await fetch(readyUrl)).ok ? true : undefined), { deadlineMs: 60_000, what: `${name} to be ready` });
  } catch (error) {
    await stop();
    throw error;
  }
  return { ingestPort, secret, programs, stop };
}

async function saveWorkflow({ database }: LogBed, document: object): Promise<void> {
  const checked = compileText(JSON.stringify(document), 1);
  if (checked.kind !== 'right') throw new Error(JSON.stringify(checked.mistakes));
  const { definition } = checked.value;
  await applyWorkflow(database, { name: definition.name, document: definition, who: 'bench' });
}

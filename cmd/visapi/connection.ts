import { readReady, type ReadyDemo } from '../../lib/dev/ready-file.ts';
import { readToolConfig } from './config.ts';

/** Where the parts of VisAPI are that a command talks to. */
export interface Addresses {
  /** May carry user and password. */
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly ingestUrl: string;
  readonly sinkUrl: string;
  /** The journal of each ingest on this machine. */
  readonly journals: readonly string[];
  /** Copies of every stream. */
  readonly replicas: number;
  /** Only while `npm start` runs. */
  readonly demo: ReadyDemo | undefined;
}

/** The environment decides, then what a running `npm start` has written down, then the defaults. */
export async function findAddresses(): Promise<Addresses> {
  const config = readToolConfig();
  const ready = await readReady(config.home.ready);
  return {
    natsUrl: config.natsUrl ?? ready?.natsUrl ?? `nats://127.0.0.1:${config.nats}`,
    databaseUrl: config.databaseUrl ?? ready?.databaseUrl ?? `postgres://visapi_tool@127.0.0.1:${config.postgres}/visapi`,
    ingestUrl: config.ingestUrl ?? ready?.ingestUrl ?? `http://127.0.0.1:${config.ingest}`,
    sinkUrl: config.sinkUrl ?? ready?.sinkUrl ?? `http://127.0.0.1:${config.sink}`,
    journals: config.journalPath === undefined ? (ready?.journals ?? [config.home.journal]) : [config.journalPath],
    replicas: config.replicas ?? ready?.replicas ?? 1,
    demo: ready?.demo,
  };
}

import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** The demo's source, and how to sign for it. */
export interface ReadyDemo {
  readonly source: string;
  readonly secret: string;
  readonly signatureHeader: string;
  /** May send events of the source `demo` to /v1/events. */
  readonly apiKey: string;
}

/** Where everything is while `npm start` runs. */
export interface Ready {
  readonly ingestUrl: string;
  /** Per process: where its health and metrics are. */
  readonly opsUrls: Readonly<Record<string, string>>;
  /** Of a cluster all of them, with commas between. */
  readonly natsUrl: string;
  /** Copies of every stream. */
  readonly replicas: number;
  /** The journal of each ingest. */
  readonly journals: readonly string[];
  readonly databaseUrl: string;
  readonly sinkUrl: string;
  readonly demo: ReadyDemo;
}

/** Writes it whole or not at all, readable by us alone: it has the demo's secrets. */
export async function writeReady(path: string, ready: Ready): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

/** @returns undefined where nothing runs */
export async function readReady(path: string): Promise<Ready | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Ready;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`expected JSON in ${path}; delete the file and run npm start again`, { cause: error });
  }
}

/** May be called when there is none. */
export async function removeReady(path: string): Promise<void> {
  await rm(path, { force: true });
}

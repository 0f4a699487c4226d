import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AppError } from '../../lib/core/app-error.ts';
import type { Logger } from '../../lib/telemetry/log.ts';
import { parseSources } from '../../lib/webhook/source-list.ts';
import type { Source } from '../../lib/webhook/source.ts';

/** The sources that this process knows now. */
export interface SourceFile {
  get(name: string): Source | undefined;
  readonly names: readonly string[];
  /** Why the file as it is now could not be taken; undefined when what is known is what it says. */
  readonly staleBecause: string | undefined;
  /** Reads it again; what does not fit changes nothing. Never rejects. */
  reload(): Promise<void>;
  stop(): void;
}

/** Polled, because a file that is replaced or mounted is missed by the system's own watching. */
const POLL_MS = 1_000;

/**
 * Reads the file, then watches it. A later version that does not fit is logged and not taken: what was known stays.
 * @throws AppError `invalid_config` when the first version cannot be read or does not fit
 */
export async function openSourceFile(path: string, log: Logger): Promise<SourceFile> {
  let sources = await readSources(path);
  let staleBecause: string | undefined;

  async function reload(): Promise<void> {
    try {
      sources = await readSources(path);
      staleBecause = undefined;
      log.info({ sources: [...sources.keys()] }, 'sources read');
    } catch (error) {
      staleBecause = 'the sources file does not fit, see the log';
      log.error({ err: error }, 'sources not taken');
    }
  }
  const onChange = () => void reload();
  watchFile(path, { interval: POLL_MS, persistent: false }, onChange);
  return {
    get: (name) => sources.get(name),
    get names() {
      return [...sources.keys()];
    },
    get staleBecause() {
      return staleBecause;
    },
    reload,
    stop: () => unwatchFile(path, onChange),
  };
}

async function readSources(path: string): Promise<ReadonlyMap<string, Source>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('invalid_config', `INGEST_SOURCES_FILE: expected a file that can be read, got ${JSON.stringify(path)}`, {
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and with it perhaps a secret.
    throw new AppError('invalid_config', `INGEST_SOURCES_FILE: expected JSON in ${JSON.stringify(path)}`);
  }
  return parseSources(value);
}

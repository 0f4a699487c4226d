import type { ActorDefinition } from '../../../lib/actor/define-actor.ts';
import { type BrowserBinary, findBrowser } from '../../../lib/browser/find-browser.ts';
import { AppError } from '../../../lib/core/app-error.ts';
import type { BrokerConnection } from '../../../lib/jetstream/connection.ts';
import { createObjectStore } from '../../../lib/jetstream/object-store.ts';
import type { ProgramContext } from '../../../lib/program/run-program.ts';
import { documentMetrics } from '../../../lib/telemetry/document-metrics.ts';
import { DOCUMENTS_BUCKET } from '../../../streams/documents-bucket.ts';
import type { ProcessorConfig } from '../config.ts';
import type { DocumentCommand } from './command.ts';
import { createDocumentActor } from './document-actor.ts';
import { createHtmlTemplates } from './document-html.ts';
import { createPdfRenderer } from './pdf-renderer.ts';

export interface DocumentWork {
  createActor(connection: BrokerConnection): ActorDefinition<DocumentCommand>;
  /** Ends the browsers; nothing of them is left then. */
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;
/** What a handler may need beside the render itself: a browser's start, the storing, a wait for the broker. */
const BESIDE_RENDER_MS = 30_000;

/** Joins what renders documents, out of the configuration. A browser is looked for when the first document comes. */
export function openDocumentWork({ config, log, registry }: ProgramContext<ProcessorConfig>): DocumentWork {
  const { documentLinkKey } = config;
  if (documentLinkKey === undefined) throw new AppError('invalid_config', 'DOCUMENT_LINK_KEY: expected it where ACTORS has document');
  const metrics = documentMetrics(registry);
  const renderer = createPdfRenderer({
    findBrowser: rememberBrowser(() =>
      findBrowser({ path: config.chromiumPath, searchPath: config.searchPath, cache: config.browserCache }),
    ),
    size: config.documentBrowsers,
    deadlineMs: config.documentDeadlineMs,
    maxBytes: config.documentMaxBytes,
    maxPages: config.documentMaxPages,
    maxMemoryBytes: config.documentBrowserMaxBytes,
    recycleAfter: config.documentBrowserRenders,
    pageRenders: config.documentPageRenders,
    onEnd(reason) {
      metrics.browsersEnded.inc({ reason });
      if (reason !== 'recycled' && reason !== 'idle' && reason !== 'refused') log.warn({ reason }, 'a browser was ended with its document');
    },
  });
  return {
    createActor: (connection) =>
      createDocumentActor({
        templates: createHtmlTemplates(config.documentTemplates),
        renderer,
        store: createObjectStore(connection, DOCUMENTS_BUCKET),
        slots: config.documentBrowsers,
        timeoutMs: config.documentDeadlineMs + BESIDE_RENDER_MS,
        links: { publicUrl: config.publicUrl, key: documentLinkKey.reveal(), lifetimeMs: config.documentLinkDays * DAY_MS },
        metrics,
      }),
    stop: () => renderer.stop(),
  };

  /** Looking starts a browser to ask for its version; once found it is believed. One that has been removed fails at its start. */
  function rememberBrowser(find: () => Promise<BrowserBinary | undefined>): () => Promise<BrowserBinary | undefined> {
    let found: BrowserBinary | undefined;
    return async () => {
      if (found !== undefined) return found;
      found = await find();
      if (found !== undefined) log.info({ version: found.version, path: found.executable }, 'found a browser');
      return found;
    };
  }
}

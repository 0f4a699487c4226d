import { type ActorDefinition, defineActor } from '../../../lib/actor/define-actor.ts';
import { exponential } from '../../../lib/actor/retry-policy.ts';
import { done, park, reject, retry, type Verdict } from '../../../lib/actor/verdict.ts';
import { documentUrl } from '../../../lib/access/document-link.ts';
import type { ObjectStore } from '../../../lib/jetstream/object-store.ts';
import type { DocumentMetrics } from '../../../lib/telemetry/document-metrics.ts';
import { DOCUMENT_LANES } from '../../../streams/actors.ts';
import type { DocumentOutput } from '../../../streams/document-output.ts';
import { stepFailed, stepSucceeded } from '../../../streams/step-result.ts';
import { NoBrowser, RenderFailed } from './browser-slot.ts';
import { type DocumentCommand, pdfName, readDocumentCommand } from './command.ts';
import { UnusableTemplate, type createHtmlTemplates } from './document-html.ts';
import { DocumentRefused, type PdfRenderer } from './pdf-renderer.ts';

export interface DocumentActorOptions {
  readonly templates: ReturnType<typeof createHtmlTemplates>;
  readonly renderer: Pick<PdfRenderer, 'render'>;
  readonly store: Pick<ObjectStore, 'put'>;
  /** Renders at once: as many as the renderer has browsers. What is more stays in the lane. */
  readonly slots: number;
  /** Longer than a browser's start, a render's own deadline and the storing together. Milliseconds. */
  readonly timeoutMs: number;
  readonly links: { readonly publicUrl: string; readonly key: string; readonly lifetimeMs: number };
  readonly metrics: DocumentMetrics;
  /** Wall clock, milliseconds since the epoch. (Default: the system's) */
  readonly now?: () => number;
}

/** How soon a document that waits for a browser asks for it again: soon enough after an installation, and cheap until then. */
export const BROWSER_CHECK_MS = 15_000;
/** A page that hangs or takes all memory does so again; a machine that was busy is less so in half a minute. */
const ATTEMPTS = 4;

/**
 * Renders one document per command and stores it by its content. That is no effect on the outside world: a second rendering
 * gives the same bytes, which are the same object, so nothing has to be claimed.
 */
export function createDocumentActor(options: DocumentActorOptions): ActorDefinition<DocumentCommand> {
  const { templates, renderer, store, slots, timeoutMs, links, metrics, now = Date.now } = options;

  async function render(command: DocumentCommand, signal: AbortSignal): Promise<DocumentOutput> {
    const html = templates.render(command);
    const startedAt = performance.now();
    const { content, pages, refused } = await renderer.render({ html, signal });
    metrics.renderSeconds.observe((performance.now() - startedAt) / 1_000);
    if (refused.length > 0) throw new UnusableTemplate(`${command.template}: only data: may be loaded, it asks for ${refused.join(', ')}`);
    const { id, bytes, contentType } = await store.put(content, 'application/pdf');
    metrics.bytes.observe(bytes);
    if (contentType !== 'application/pdf') throw new TypeError(`document ${id}: expected a PDF, the store has it as ${contentType}`);
    const filename = pdfName(command.filename ?? command.template);
    const expires = Math.ceil((now() + links.lifetimeMs) / 1_000);
    const url = documentUrl(links.publicUrl, { id, filename, expires }, links.key);
    return { documentId: id, sha256: id, bytes, pages, filename, contentType, url };
  }

  return defineActor<DocumentCommand>({
    ...DOCUMENT_LANES,
    start: 'beginning',
    input: readDocumentCommand,
    // Documents have no order among themselves.
    order: 'none',
    slots,
    retry: exponential({ attempts: ATTEMPTS, baseMs: 2_000, maxMs: 30_000 }),
    timeoutMs,
    onDead: stepFailed,

    async receive(command, context) {
      try {
        const output = await render(command, context.signal);
        metrics.documents.inc({ outcome: 'rendered' });
        metrics.waiting.set(0);
        for (const result of stepSucceeded(context.message, output)) context.emit(result);
        return done();
      } catch (error) {
        return verdictOf(error);
      }
    },
  });

  function verdictOf(error: unknown): Verdict {
    if (error instanceof NoBrowser) {
      metrics.documents.inc({ outcome: 'no_browser' });
      metrics.waiting.set(1);
      return park(now() + BROWSER_CHECK_MS, `${error.message}; npm run browser puts one into .visapi`);
    }
    if (error instanceof UnusableTemplate || error instanceof DocumentRefused) {
      metrics.documents.inc({ outcome: 'refused' });
      return reject('invalid', error.message);
    }
    if (error instanceof RenderFailed) {
      metrics.documents.inc({ outcome: error.reason });
      return retry({ because: `not rendered: ${error.message}` });
    }
    metrics.documents.inc({ outcome: 'failed' });
    throw error;
  }
}

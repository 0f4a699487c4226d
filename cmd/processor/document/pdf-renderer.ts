import type { HTTPRequest, Page } from 'puppeteer-core';
import { BrowserSlot, type SlotOptions } from './browser-slot.ts';
import { countPages, withoutDates } from './pdf.ts';

export interface PdfRendererOptions extends SlotOptions {
  /** Browsers at once, each with one page at a time. */
  readonly size: number;
  /** For a render that says nothing else, milliseconds. */
  readonly deadlineMs: number;
  /** A PDF beyond these is no document of ours. */
  readonly maxBytes: number;
  readonly maxPages: number;
}

export interface RenderRequest {
  /** A whole page; what it needs is in it as `data:`. */
  readonly html: string;
  /** Lets the page run scripts. (Default: false) */
  readonly javaScript?: boolean;
  readonly signal?: AbortSignal;
  /** Milliseconds. (Default: the renderer's) */
  readonly deadlineMs?: number;
}

export interface RenderedPdf {
  readonly content: Buffer;
  readonly pages: number;
  /** What the page wanted to load and did not get, the first few, without their queries. */
  readonly refused: readonly string[];
}

/** The document is not one that may be made; another try would end the same. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
}

export interface PdfRenderer {
  /**
   * Prints a page. Waits for a browser that is free. The same page gives the same bytes.
   * @throws DocumentRefused beyond a limit; RenderFailed; NoBrowser
   */
  render(request: RenderRequest): Promise<RenderedPdf>;
  /** The processes of all its browsers. */
  processes(): ReturnType<BrowserSlot['processes']>;
  /** Ends all browsers, and what they render; nothing of them is left then. May be called twice. */
  stop(): Promise<void>;
}

/** Enough to see which template asks for what. */
const MAX_REFUSED = 5;
const NEVER = new AbortController().signal;

/** A pool of browsers; none is started before it is needed. */
export function createPdfRenderer(options: PdfRendererOptions): PdfRenderer {
  const slots = Array.from({ length: options.size }, () => new BrowserSlot(options));
  const free = [...slots];
  const waiting: ((slot: BrowserSlot) => void)[] = [];
  const underWay = new Set<Promise<RenderedPdf>>();
  const stopping = new AbortController();

  function take(): Promise<BrowserSlot> | BrowserSlot {
    // The one that was used last is warm; the others may go when nobody needs them.
    return free.pop() ?? new Promise((resolve) => waiting.push(resolve));
  }

  function give(slot: BrowserSlot): void {
    const next = waiting.shift();
    if (next === undefined) free.push(slot);
    else next(slot);
  }

  return {
    render(request) {
      const rendering = renderOne(request);
      underWay.add(rendering);
      // Whoever asked for it hears of its end.
      rendering
        .catch(() => undefined)
        .finally(() => underWay.delete(rendering))
        .catch(() => undefined);
      return rendering;
    },
    processes: () => slots.flatMap((slot) => slot.processes()),
    async stop() {
      stopping.abort();
      await Promise.allSettled(underWay);
      await Promise.all(slots.map((slot) => slot.stop()));
    },
  };

  async function renderOne(request: RenderRequest): Promise<RenderedPdf> {
    const slot = await take();
    try {
      const signal = AbortSignal.any([stopping.signal, request.signal ?? NEVER]);
      const limits = { signal, deadlineMs: request.deadlineMs ?? options.deadlineMs };
      return await slot.run((page) => print(page, request, { ...options, ...limits }), limits);
    } finally {
      give(slot);
    }
  }
}

async function print(page: Page, { html, javaScript = false }: RenderRequest, limits: PdfRendererOptions): Promise<RenderedPdf> {
  const { maxPages, maxBytes, deadlineMs } = limits;
  const refused: string[] = [];
  await page.setJavaScriptEnabled(javaScript);
  await page.setRequestInterception(true);
  page.on('request', (request) => void answer(request, refused));
  await page.setContent(html, { waitUntil: 'load', timeout: deadlineMs });
  // One page more than allowed shows that there are too many, and bounds what is printed.
  const stream = await page.createPDFStream({
    preferCSSPageSize: true,
    printBackground: true,
    pageRanges: `1-${maxPages + 1}`,
    timeout: deadlineMs,
  });
  const content = withoutDates(await readUpTo(stream, maxBytes));
  const pages = countPages(content);
  if (pages > maxPages) throw new DocumentRefused(`expected at most ${maxPages} pages, got more`);
  if (pages === 0) throw new DocumentRefused('expected a page, got none');
  return { content, pages, refused };
}

/** The wall in front of the wall: the browser has no network, and this tells who asked for one. */
async function answer(request: HTTPRequest, refused: string[]): Promise<void> {
  try {
    if (request.url().startsWith('data:')) return await request.continue();
    if (refused.length < MAX_REFUSED) refused.push((request.url().split(/[?#]/, 1)[0] ?? '').slice(0, 200));
    await request.abort('accessdenied');
  } catch {
    // The page is gone, and with it the question.
  }
}

async function readUpTo(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new DocumentRefused(`expected at most ${maxBytes} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

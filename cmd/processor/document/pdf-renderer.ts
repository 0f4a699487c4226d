import type { BrowserPage } from './browser-page.ts';
import { BrowserSlot, type SlotOptions } from './browser-slot.ts';
import { countPages, withoutChance } from './pdf.ts';

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
      const { html, javaScript = false, deadlineMs = options.deadlineMs } = request;
      const signal = AbortSignal.any([stopping.signal, request.signal ?? NEVER]);
      return await slot.run((page) => print(page, html, options), { signal, deadlineMs, javaScript });
    } finally {
      give(slot);
    }
  }
}

async function print(page: BrowserPage, html: string, { maxPages, maxBytes }: PdfRendererOptions): Promise<RenderedPdf> {
  await page.load(html);
  // One page more than allowed shows that there are too many, and bounds what is printed.
  const content = withoutChance(await readUpTo(page.print({ maxPages: maxPages + 1 }), maxBytes));
  const pages = countPages(content);
  if (pages > maxPages) throw new DocumentRefused(`expected at most ${maxPages} pages, got more`);
  if (pages === 0) throw new DocumentRefused('expected a page, got none');
  return { content, pages, refused: page.refused };
}

async function readUpTo(parts: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of parts) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new DocumentRefused(`expected at most ${maxBytes} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

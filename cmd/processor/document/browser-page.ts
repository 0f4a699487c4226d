import type { CDPSession, Connection } from 'puppeteer-core';

/** How a page is printed; the rest is what Chromium and the page's own style say. */
export interface PrintLimits {
  /** Pages beyond are not printed. */
  readonly maxPages: number;
}

/** Enough to see which template asks for what. */
const MAX_REFUSED = 5;
/** Of one answer: the usual document comes in one. */
const READ_BYTES = 1_048_576;
/** Chromium's own paper where the page's style names none: letter, inches. */
const PAPER = { paperWidth: 8.5, paperHeight: 11, marginTop: 0, marginBottom: 0, marginLeft: 0, marginRight: 0 };

/**
 * One page of a browser, with a context, and so a process, of its own. It is told what printing needs and nothing else: the page of
 * puppeteer asks the browser for much more, which was a third of what a document cost.
 */
export class BrowserPage {
  readonly #connection: Connection;
  readonly #contextId: string;
  readonly #targetId: string;
  readonly #session: CDPSession;
  #refused: string[] = [];

  private constructor(connection: Connection, ids: { contextId: string; targetId: string }, session: CDPSession) {
    this.#connection = connection;
    this.#contextId = ids.contextId;
    this.#targetId = ids.targetId;
    this.#session = session;
  }

  /** A blank page. */
  static async open(connection: Connection): Promise<BrowserPage> {
    const { browserContextId: contextId } = await connection.send('Target.createBrowserContext');
    // Nobody sees it: without this it is drawn for a screen, too, which costs as much as to print it.
    const target = { url: 'about:blank', browserContextId: contextId, enableBeginFrameControl: true };
    const { targetId } = await connection.send('Target.createTarget', target);
    const { sessionId } = await connection.send('Target.attachToTarget', { targetId, flatten: true });
    const session = connection.session(sessionId);
    if (session === null) throw new TypeError('expected a session with the page, it is gone');
    const page = new BrowserPage(connection, { contextId, targetId }, session);
    session.on('Fetch.requestPaused', ({ requestId, request }) => void page.#answer(requestId, request.url));
    await Promise.all([session.send('Page.enable'), session.send('Fetch.enable', { patterns: [{ urlPattern: '*' }] })]);
    return page;
  }

  /** What its document wanted to load and did not get, the first few, without their queries. */
  get refused(): readonly string[] {
    return this.#refused;
  }

  /** Shows a document; resolves when all that is in it has loaded. To be called on a blank page. */
  async load(html: string): Promise<void> {
    const loaded = this.#loaded();
    // The main frame has the name of its target.
    await this.#session.send('Page.setDocumentContent', { frameId: this.#targetId, html });
    await loaded;
    // A font is asked for when the text that wants it is laid out, and the load does not wait for it.
    if (/@font-face/i.test(html))
      await this.#session.send('Runtime.evaluate', {
        expression: 'void document.documentElement.offsetHeight; document.fonts.ready.then(() => true)',
        awaitPromise: true,
      });
  }

  /** The PDF in parts. */
  async *print({ maxPages }: PrintLimits): AsyncGenerator<Buffer> {
    const { stream: handle } = await this.#session.send('Page.printToPDF', {
      ...PAPER,
      transferMode: 'ReturnAsStream',
      preferCSSPageSize: true,
      printBackground: true,
      generateTaggedPDF: true,
      pageRanges: `1-${maxPages}`,
    });
    if (handle === undefined) throw new TypeError('expected a stream of the PDF, got none');
    for (let isOver = false; !isOver;) {
      const { data, base64Encoded, eof } = await this.#session.send('IO.read', { handle, size: READ_BYTES });
      yield Buffer.from(data, base64Encoded === true ? 'base64' : 'utf8');
      isOver = eof;
    }
    await this.#session.send('IO.close', { handle });
  }

  /** Makes it blank again: another document, with nothing of the last one. */
  async clear(): Promise<void> {
    const loaded = this.#loaded();
    await this.#session.send('Page.navigate', { url: 'about:blank' });
    await loaded;
    this.#refused = [];
  }

  /** Ends its process, and with it all that its context has. */
  async close(): Promise<void> {
    await this.#connection.send('Target.disposeBrowserContext', { browserContextId: this.#contextId });
  }

  #loaded(): Promise<void> {
    return new Promise((resolve) => void this.#session.once('Page.loadEventFired', () => resolve()));
  }

  /** The wall in front of the wall: the browser has no network, and this tells who asked for one. */
  async #answer(requestId: string, url: string): Promise<void> {
    try {
      if (url.startsWith('data:')) return await this.#session.send('Fetch.continueRequest', { requestId });
      if (this.#refused.length < MAX_REFUSED) this.#refused.push((url.split(/[?#]/, 1)[0] ?? '').slice(0, 200));
      await this.#session.send('Fetch.failRequest', { requestId, errorReason: 'AccessDenied' });
    } catch {
      // The page is gone, and with it the question.
    }
  }
}

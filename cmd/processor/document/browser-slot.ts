import { connect, ProtocolError, TimeoutError, type CDPSession, type Connection } from 'puppeteer-core';
import { type BrowserBox, startBrowserBox } from '../../../lib/browser/browser-box.ts';
import type { BrowserBinary } from '../../../lib/browser/find-browser.ts';
import { BrowserPage } from './browser-page.ts';

/** Why a render failed; the document itself may be fine. */
export type RenderFailure = 'deadline' | 'memory' | 'crashed' | 'aborted';

/** The render did not come to its end; its browser is gone with all that it started. */
export class RenderFailed extends Error {
  override readonly name = 'RenderFailed';
  readonly reason: RenderFailure;
  constructor(reason: RenderFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Why a browser was ended. */
export type BrowserEnd = RenderFailure | 'refused' | 'recycled' | 'idle';

/** No browser can be had at present. It says nothing about the document, which waits. */
export class NoBrowser extends Error {
  override readonly name = 'NoBrowser';
}

export interface SlotOptions {
  /** Undefined where there is no browser on this machine (yet). */
  readonly findBrowser: () => Promise<BrowserBinary | undefined>;
  /** A browser of which all processes together have more is ended. */
  readonly maxMemoryBytes: number;
  /** After so many renders a browser is replaced: what leaks stays small. */
  readonly recycleAfter: number;
  /** So many documents are printed one after the other by one process of a browser; 1 gives each one of its own. */
  readonly pageRenders: number;
  /** Told why a browser was ended, but for a stop. */
  readonly onEnd: (reason: BrowserEnd) => void;
}

export interface RunLimits {
  readonly signal: AbortSignal;
  /** A render that has not ended by then is ended, milliseconds; a browser's start is not counted. */
  readonly deadlineMs: number;
  /** Runs the page's scripts, in a browser that takes no documents without them. */
  readonly javaScript: boolean;
}

/** Seconds on a busy machine; a browser that needs more will not come. */
const START_MS = 15_000;
/** Often enough that a page cannot have much more than its bound. */
const MEMORY_CHECK_MS = 250;
/** An unused browser holds some 150 MB. */
const IDLE_MS = 300_000;
/** A blank page takes some milliseconds; one that does not come is not waited for. */
const CLEAR_MS = 2_000;

interface Running {
  readonly box: BrowserBox;
  readonly connection: Connection;
  /** Tells of any page that crashes, also before it is ours to listen to. */
  readonly session: CDPSession;
  /** Whether its pages may run scripts; then each has a process of its own. */
  readonly javaScript: boolean;
  renders: number;
  /** Told when the browser is gone; undefined while there is no document. A promise would keep every document until then. */
  onGone: (() => void) | undefined;
  /** A blank page for the next document; undefined where it has to be opened. Never rejects. */
  next: Promise<KeptPage | undefined>;
}

interface KeptPage {
  readonly page: BrowserPage;
  renders: number;
}

const NOBODY_WAITS = 'nobody waits for it any more';

/** What is done with a page. */
export type PageJob<Result> = (page: BrowserPage) => Promise<Result>;

/** One browser at most, one document at a time: what happens to a document's browser happens to no other document. */
export class BrowserSlot {
  readonly #options: SlotOptions;
  #running: Running | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** The processes of its browser. */
  processes(): ReturnType<BrowserBox['processes']> {
    return this.#running?.box.processes() ?? [];
  }

  /**
   * Runs a job in a blank page, and ends its browser where it does not end well. Not to be called while it runs.
   * @throws RenderFailed; NoBrowser; what the job throws
   */
  async run<Result>(job: PageJob<Result>, { signal, deadlineMs, javaScript }: RunLimits): Promise<Result> {
    clearTimeout(this.#idle);
    if (signal.aborted) throw new RenderFailed('aborted', NOBODY_WAITS);
    if (this.#running?.javaScript !== javaScript) await this.#end('recycled');
    const running = (this.#running ??= await this.#start(signal, javaScript));
    const watch = this.#watch(running, signal, deadlineMs);
    try {
      const result = await Promise.race([this.#inPage(running, job), watch.failed]);
      running.renders++;
      if (running.renders >= this.#options.recycleAfter) await this.#end('recycled');
      return result;
    } catch (thrown) {
      const error = failureOf(thrown);
      // Whatever it was: nobody knows what the browser is doing, and the next one starts in less than a second.
      await this.#end(error instanceof RenderFailed ? error.reason : 'refused');
      throw error;
    } finally {
      watch.stop();
      this.#idle = setTimeout(() => void this.#end('idle'), IDLE_MS).unref();
    }
  }

  /** Ends the browser and waits until nothing of it is left; may be called at any time, and twice. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#running?.box.kill();
    this.#running = undefined;
  }

  async #inPage<Result>(running: Running, job: PageJob<Result>): Promise<Result> {
    const kept = (await running.next) ?? { page: await BrowserPage.open(running.connection), renders: 0 };
    const result = await job(kept.page);
    kept.renders++;
    // While the document is stored; the next one waits for it.
    running.next = this.#makeNext(running, kept).catch(() => undefined);
    return result;
  }

  /** The same page made blank, or another one where it has printed its share, has asked for the network, or does not come. */
  async #makeNext({ connection, javaScript }: Running, { page, renders }: KeptPage): Promise<KeptPage | undefined> {
    const mayStay = !javaScript && renders < this.#options.pageRenders && page.refused.length === 0;
    if (mayStay && (await isBlankAgain(page))) return { page, renders };
    await page.close();
    // Scripts begin with their own document, in a process that comes with it.
    return javaScript ? undefined : { page: await BrowserPage.open(connection), renders: 0 };
  }

  async #end(reason: BrowserEnd): Promise<void> {
    if (this.#running === undefined) return;
    await this.stop();
    this.#options.onEnd(reason);
  }

  async #start(signal: AbortSignal, javaScript: boolean): Promise<Running> {
    const binary = await this.#options.findBrowser();
    if (binary === undefined) throw new NoBrowser('there is no Chromium on this machine');
    const box = startBrowserBox(binary, { javaScript });
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new NoBrowser(`expected an answer within ${START_MS} ms`)), START_MS);
    const abort = (): void => reject(new RenderFailed('aborted', NOBODY_WAITS));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const ended = box.gone.then(() => Promise.reject(new NoBrowser('it ended at its start')));
    ended.catch(() => undefined);
    try {
      return await Promise.race([connectTo(box, javaScript), ended, tooLate]);
    } catch (error) {
      await box.kill();
      if (error instanceof RenderFailed) throw error;
      const because = error instanceof Error ? error.message : String(error);
      throw new NoBrowser(`Chromium ${binary.version} does not start: ${because}; ${box.lastWords()}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Everything that ends a job from outside. */
  #watch(running: Running, signal: AbortSignal, deadlineMs: number) {
    const { box, session } = running;
    const { maxMemoryBytes } = this.#options;
    const { promise: failed, reject: fail } = Promise.withResolvers<never>();
    failed.catch(() => undefined);
    const deadline = setTimeout(() => fail(new RenderFailed('deadline', `expected the document within ${deadlineMs} ms`)), deadlineMs);
    const memory = setInterval(() => {
      const bytes = box.processes().reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
      if (bytes > maxMemoryBytes) fail(new RenderFailed('memory', `expected at most ${maxMemoryBytes} bytes of memory, got ${bytes}`));
    }, MEMORY_CHECK_MS);
    const abort = (): void => fail(new RenderFailed('aborted', NOBODY_WAITS));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const crash = (): void => fail(new RenderFailed('crashed', 'the page crashed'));
    session.on('Target.targetCrashed', crash);
    running.onGone = () => fail(new RenderFailed('crashed', 'the browser is gone'));
    return {
      failed,
      stop() {
        running.onGone = undefined;
        session.off('Target.targetCrashed', crash);
        clearTimeout(deadline);
        clearInterval(memory);
        signal.removeEventListener('abort', abort);
      },
    };
  }
}

async function connectTo(box: BrowserBox, javaScript: boolean): Promise<Running> {
  const browser = await connect({ transport: box.transport, defaultViewport: null });
  const session = await browser.target().createCDPSession();
  const connection = session.connection();
  if (connection === undefined) throw new TypeError('expected a connection to the browser, it is gone');
  // Its pages are ours alone: the library would begin to follow each of them.
  await connection.send('Target.setAutoAttach', { autoAttach: false, waitForDebuggerOnStart: false, flatten: true });
  await session.send('Target.setDiscoverTargets', { discover: true });
  const running: Running = { box, connection, session, javaScript, renders: 0, onGone: undefined, next: Promise.resolve(undefined) };
  void box.gone.then(() => running.onGone?.());
  return running;
}

/** Until then it is another's; no document waits for what is not ready by then. */
async function isBlankAgain(page: BrowserPage): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), CLEAR_MS);
  try {
    return await Promise.race([page.clear().then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the browser's library throws, in our words; the rest is the job's own. */
function failureOf(error: unknown): unknown {
  if (error instanceof TimeoutError) return new RenderFailed('deadline', error.message, { cause: error });
  if (error instanceof ProtocolError) return new RenderFailed('crashed', error.message, { cause: error });
  return error;
}

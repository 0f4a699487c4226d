import { connect, type Browser, type Page } from 'puppeteer-core';
import { type BrowserBox, startBrowserBox } from '../../../lib/browser/browser-box.ts';
import type { BrowserBinary } from '../../../lib/browser/find-browser.ts';

/** Why a render failed; the document itself may be fine. */
export type RenderFailure = 'deadline' | 'memory' | 'crashed' | 'aborted';

/** The render did not come to its end; its browser is gone with all that it started. */
export class RenderFailed extends Error {
  override readonly name = 'RenderFailed';
  readonly reason: RenderFailure;
  constructor(reason: RenderFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** No browser can be had at present. It says nothing about the document, which waits. */
export class NoBrowser extends Error {
  override readonly name = 'NoBrowser';
}

export interface SlotOptions {
  /** Undefined where there is no browser on this machine (yet). */
  readonly findBrowser: () => Promise<BrowserBinary | undefined>;
  /** A render that has not ended by then is ended, milliseconds. */
  readonly deadlineMs: number;
  /** A browser of which all processes together have more is ended. */
  readonly maxMemoryBytes: number;
  /** After so many renders a browser is replaced: what leaks stays small. */
  readonly recycleAfter: number;
  /** Told why a browser was ended, but for a stop. */
  readonly onEnd: (reason: RenderFailure | 'recycled' | 'idle') => void;
}

/** Seconds on a busy machine; a browser that needs more will not come. */
const START_MS = 15_000;
/** Often enough that a page cannot have much more than its bound. */
const MEMORY_CHECK_MS = 250;
/** An unused browser holds some 150 MB. */
const IDLE_MS = 300_000;

/** What a job is given, and what it may do with it, in the given order. */
export type PageJob<Result> = (page: Page) => Promise<Result>;

/** One browser at most, one page at a time: what happens to a document's browser happens to no other document. */
export class BrowserSlot {
  readonly #options: SlotOptions;
  #running: { readonly box: BrowserBox; readonly browser: Browser; renders: number } | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** The processes of its browser. */
  processes(): ReturnType<BrowserBox['processes']> {
    return this.#running?.box.processes() ?? [];
  }

  /**
   * Runs a job in a fresh page of a fresh context, and ends its browser where it does not end well. Not to be called while it runs.
   * @throws RenderFailed; NoBrowser; what the job throws
   */
  async run<Result>(job: PageJob<Result>, signal: AbortSignal): Promise<Result> {
    clearTimeout(this.#idle);
    const running = (this.#running ??= await this.#start());
    const { box, browser } = running;
    const watch = this.#watch(box, signal);
    try {
      const result = await Promise.race([this.#inFreshPage(browser, job, watch.fail), watch.failed]);
      running.renders++;
      if (running.renders >= this.#options.recycleAfter) await this.#end('recycled');
      return result;
    } catch (error) {
      // Whatever it was: nobody knows what the browser is doing, and the next one starts in less than a second.
      await this.#end(error instanceof RenderFailed ? error.reason : 'crashed');
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

  async #end(reason: RenderFailure | 'recycled' | 'idle'): Promise<void> {
    if (this.#running === undefined) return;
    await this.stop();
    this.#options.onEnd(reason);
  }

  async #start(): Promise<{ box: BrowserBox; browser: Browser; renders: number }> {
    const binary = await this.#options.findBrowser();
    if (binary === undefined) throw new NoBrowser('there is no Chromium on this machine');
    const box = startBrowserBox(binary);
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new NoBrowser(`expected an answer within ${START_MS} ms`)), START_MS);
    const ended = box.gone.then(() => Promise.reject(new NoBrowser('it ended at its start')));
    try {
      const browser = await Promise.race([connect({ transport: box.transport, defaultViewport: null }), ended, tooLate]);
      ended.catch(() => undefined);
      return { box, browser, renders: 0 };
    } catch (error) {
      await box.kill();
      const because = error instanceof Error ? error.message : String(error);
      throw new NoBrowser(`Chromium ${binary.version} does not start: ${because}; ${box.lastWords()}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async #inFreshPage<Result>(browser: Browser, job: PageJob<Result>, fail: (failure: RenderFailed) => void): Promise<Result> {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.on('error', () => fail(new RenderFailed('crashed', 'the page crashed')));
    const result = await job(page);
    await context.close();
    return result;
  }

  /** Everything that ends a job from outside. */
  #watch(box: BrowserBox, signal: AbortSignal) {
    const { deadlineMs, maxMemoryBytes } = this.#options;
    const { promise: failed, reject: fail } = Promise.withResolvers<never>();
    failed.catch(() => undefined);
    const deadline = setTimeout(() => fail(new RenderFailed('deadline', `expected the document within ${deadlineMs} ms`)), deadlineMs);
    const memory = setInterval(() => {
      const bytes = box.processes().reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
      if (bytes > maxMemoryBytes) fail(new RenderFailed('memory', `expected at most ${maxMemoryBytes} bytes of memory, got ${bytes}`));
    }, MEMORY_CHECK_MS);
    const abort = (): void => fail(new RenderFailed('aborted', 'nobody waits for it any more'));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    void box.gone.then(() => fail(new RenderFailed('crashed', 'the browser is gone')));
    return {
      failed,
      fail,
      stop() {
        clearTimeout(deadline);
        clearInterval(memory);
        signal.removeEventListener('abort', abort);
      },
    };
  }
}

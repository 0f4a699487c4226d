import type { Dispatcher } from 'undici';
import { AddressRefused } from './guarded-lookup.ts';

/**
 * How a request ended, by what may have happened at the other side:
 * - `answer`: it was read and answered, whatever the status
 * - `not-sent`: not one byte of it was written, so it certainly had no effect. `refused`: a rule forbids it, and it
 *   would be refused again. `unreachable`: no name, no connection, no TLS. `aborted`: the caller or the time limit was first
 * - `unknown`: it was written, and no whole answer came. It may have been read or not; no error of the socket can tell,
 *   because the kernel takes the bytes before anybody reads them
 */
export type EgressResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** By lower-case name; repeated ones joined by a comma. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
      /** There was more than the limit, and the rest was not read. */
      readonly isCut: boolean;
    }
  | { readonly kind: 'not-sent'; readonly code: 'refused' | 'unreachable' | 'aborted'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/**
 * One request and its answer, followed from undici's events. `started` is the line between `not-sent` and `unknown`: undici
 * calls `onRequestStart` on an open connection, in the same tick in which it writes. All before it is certainly not sent.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly result: Promise<EgressResult>;
  readonly #maxBodyBytes: number;
  readonly #chunks: Buffer[] = [];
  #settle!: (result: EgressResult) => void;
  #state: 'waiting' | 'started' | 'settled' = 'waiting';
  #controller: Dispatcher.DispatchController | undefined;
  #bytes = 0;
  #status = 0;
  #headers: Record<string, string> = {};

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
    this.result = new Promise((resolve) => {
      this.#settle = (result) => {
        this.#state = 'settled';
        resolve(result);
      };
    });
  }

  /** Ends the exchange from our side. May be called at any time, also twice. */
  abort(because: string): void {
    if (this.#state === 'settled') return;
    this.#settle(this.#state === 'waiting' ? { kind: 'not-sent', code: 'aborted', because } : { kind: 'unknown', because });
    this.#controller?.abort(new Error(because));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited for its connection: aborted here, nothing is written. A second start would be a second
    // request, which only the ledger may decide on.
    if (this.#state !== 'waiting') {
      controller.abort(new Error('given up before it was sent'));
      return;
    }
    this.#controller = controller;
    this.#state = 'started';
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    this.#status = status;
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) this.#headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'settled') return;
    const room = this.#maxBodyBytes - this.#bytes;
    this.#chunks.push(chunk.subarray(0, room));
    this.#bytes += Math.min(chunk.length, room);
    if (chunk.length <= room) return;
    this.#answer(true);
    controller.abort(new Error('the answer is longer than the limit'));
  }

  onResponseEnd(): void {
    if (this.#state !== 'settled') this.#answer(false);
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#state === 'settled') return;
    const because = describe(error);
    if (this.#state === 'started') this.#settle({ kind: 'unknown', because });
    else this.#settle({ kind: 'not-sent', code: error instanceof AddressRefused ? 'refused' : 'unreachable', because });
  }

  #answer(isCut: boolean): void {
    this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks), isCut });
  }
}

function describe(error: Error & { code?: unknown }): string {
  return typeof error.code === 'string' ? `${error.code}: ${error.message}` : error.message;
}

import { Agent } from 'undici';
import { judgeDestination, type EgressRules } from './destination.ts';
import { Exchange, type EgressResult } from './exchange.ts';
import { guardedLookup, systemResolve, type Resolve } from './guarded-lookup.ts';
import { judgeHeaders } from './request-headers.ts';

/*
 * The one way out. It owns where a request may go, how long it may take, how much of an answer is read, and the verdict
 * on how it ended. It does not retry, follow redirects, or read proxies from the environment.
 *
 * 1. What is dialled is what was checked: the URL is parsed once, and the socket's own lookup is the check.
 * 2. A connection is used again only soon after its last answer. A server that closes a kept one at the moment of writing makes
 *    a message that nobody read look like one that may have been read, and `hold` would wait for a person. The shorter it
 *    lies idle, the rarer that is; servers close after 5 s and more.
 * 3. Nothing is written twice: a request that fails on a kept connection is `unknown`, never sent again on a new one.
 * 4. A result is `not-sent` only when no byte of the request was written (see exchange.ts).
 */

export interface EgressRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** The caller gives up: `not-sent` or `unknown`, by how far it is. */
  readonly signal?: AbortSignal;
}

export interface EgressOptions {
  readonly rules: EgressRules;
  /** Name, connection and TLS together. (Default: 3,000 ms) */
  readonly connectMs?: number;
  /** From the call to the answer's last byte. (Default: 15,000 ms) */
  readonly totalMs?: number;
  /**
   * How long a connection may lie idle and be used again; 0 gives each request a connection of its own, which costs three
   * to five times the CPU. (Default: 1,000 ms)
   */
  readonly keepAliveMs?: number;
  /** (Default: the system's resolver) */
  readonly resolve?: Resolve;
  /** Told of every request that a rule kept in, by its text or by the address behind its name. The reason never has a value of a header. */
  readonly onRefused?: (because: string) => void;
  /** Certificate authorities beside the system's, PEM. */
  readonly ca?: string;
}

export interface Egress {
  /** Never rejects: every ending is a result. */
  send(request: EgressRequest): Promise<EgressResult>;
  /** Breaks off what is under way. May be called twice. */
  close(): Promise<void>;
}

/** Far above what an API answers, and small enough to hold many at once. */
const MAX_BODY_BYTES = 64 * 1024;
/** Node's own limit for a server. */
const MAX_HEADER_BYTES = 16 * 1024;

/** Builds the way out; no I/O yet. */
export function createEgress(options: EgressOptions): Egress {
  const { rules, connectMs = 3_000, totalMs = 15_000, keepAliveMs = 1_000, resolve = systemResolve, ca } = options;
  const agent = (lookup?: ReturnType<typeof guardedLookup>): Agent =>
    new Agent({
      pipelining: keepAliveMs === 0 ? 0 : 1,
      ...(keepAliveMs === 0 ? {} : { keepAliveTimeout: keepAliveMs, keepAliveMaxTimeout: keepAliveMs }),
      allowH2: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: connectMs, ...(lookup === undefined ? {} : { lookup }), ...(ca === undefined ? {} : { ca }) },
    });
  const guarded = agent(guardedLookup(resolve));
  const named = agent();

  async function exchangeOf(request: EgressRequest): Promise<EgressResult> {
    const destination = judgeDestination(request.url, rules);
    if (destination.kind === 'refused') return { kind: 'not-sent', code: 'refused', because: destination.because };
    const judged = judgeHeaders(request.headers);
    if (judged.kind === 'refused') return { kind: 'not-sent', code: 'refused', because: judged.because };
    if (request.signal?.aborted === true) return { kind: 'not-sent', code: 'aborted', because: 'aborted' };

    const exchange = new Exchange(MAX_BODY_BYTES);
    const onAbort = (): void => exchange.abort('aborted');
    request.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => exchange.abort(`no answer within ${totalMs} ms`), totalMs);
    try {
      (destination.isAllowed ? named : guarded).dispatch(
        {
          origin: destination.origin,
          path: destination.path,
          method: request.method,
          headers: judged.headers,
          body: request.body ?? null,
          idempotent: false,
          ...(keepAliveMs === 0 ? { reset: true } : {}),
        },
        exchange,
      );
    } catch (error) {
      exchange.onResponseError(null, error instanceof Error ? error : new Error(String(error)));
    }
    try {
      return await exchange.result;
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
    }
  }

  return {
    async send(request) {
      const result = await exchangeOf(request);
      if (result.kind === 'not-sent' && result.code === 'refused') options.onRefused?.(result.because);
      return result;
    },
    async close() {
      await Promise.all([guarded.destroy(), named.destroy()]);
    },
  };
}

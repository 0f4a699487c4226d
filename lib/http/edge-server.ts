import { STATUS_CODES, type IncomingMessage } from 'node:http';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyMetrics from 'fastify-metrics';
import promClient from 'prom-client';
import type { Registry } from 'prom-client';
import { AppError } from '../core/app-error.ts';
import { logRequest } from '../telemetry/canonical-line.ts';
import type { RequestLine } from '../telemetry/canonical-line.ts';
import type { Logger } from '../telemetry/log.ts';
import { answerClientError } from './client-error.ts';
import { CHECK_STEPS, type EdgeLimits } from './edge-limits.ts';
import { openExpressLane, type LaneRoute } from './express-lane.ts';
import { createSenderReader } from './sender-address.ts';
import { sendProblem, toRequestError } from './problem.ts';
import { addRequestLimits, limitAddresses } from './request-limits.ts';
import type { AddressLimit } from './request-limits.ts';
import { readSecurityHeaders } from './security-headers.ts';

export interface EdgeServerOptions {
  readonly log: Logger;
  readonly registry: Registry;
  readonly limits: EdgeLimits;
  /** (Default: none) */
  readonly addressLimit?: AddressLimit;
  /** Networks (CIDR) of proxies whose `X-Forwarded-For` is believed. (Default: none) */
  readonly trustProxy?: readonly string[];
  /** Called once for each request when it is over, with its line. */
  readonly onRequestEnd?: (line: RequestLine) => void;
}

const NOTES = Symbol('notes');

declare module 'fastify' {
  interface FastifyRequest {
    /** What is known so far for the request's line. */
    [NOTES]: Partial<RequestLine> | null;
  }
}

export interface EdgeServer {
  readonly server: FastifyInstance;
  /** Takes the usual requests of one route a shorter way. Called once, before the server listens. */
  openLane(route: LaneRoute): void;
  /** Status line and headers of an answer, as the server writes them; without its length, its date and what becomes of the connection. */
  answerHead(status: number, contentType: string | undefined): string;
}

/** Adds what a handler knows to the request's one log line. */
export function noteRequest(request: FastifyRequest, fields: Partial<RequestLine>): void {
  if (request[NOTES] === null) request[NOTES] = { ...fields };
  else Object.assign(request[NOTES], fields);
}

/**
 * A server that faces the outside world: limits on everything, problem details for every error, security headers, bodies as
 * bytes, one log line per request, route metrics. Routes are added by the caller.
 */
export async function createEdgeServer(options: EdgeServerOptions): Promise<EdgeServer> {
  const { limits, registry, trustProxy = [] } = options;
  const log = options.log;
  const server = fastify({
    logger: false,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.connectionTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.requestsPerSocket,
    // A stop waits for requests, not for idle connections.
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.ceil(limits.checkIntervalMs / CHECK_STEPS),
      // Asked for below: Node's own answer has no body.
      requireHostHeader: false,
      insecureHTTPParser: false,
    },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, toRequestError(error)),
    clientErrorHandler: (error, socket) => {
      const reason = answerClientError(error, socket as Parameters<typeof answerClientError>[1]);
      if (reason !== undefined) log.warn({ reason }, 'no request');
    },
  });
  server.server.maxConnections = limits.maxConnections;
  // Node would answer 417 without a body; an expectation that nobody knows may be passed over (RFC 9110, 10.1.1).
  server.server.on('checkExpectation', (request, response) => void server.server.emit('request', request, response));
  server.decorateRequest(NOTES, null);
  server.removeAllContentTypeParsers();
  // Nearly all bodies say so, and are then known without their type being taken apart.
  server.addContentTypeParser(['application/json', '*'], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error, request, reply) => {
    const known = toRequestError(error);
    noteRequest(request, {
      ...(request[NOTES]?.reason === undefined ? { reason: known.code } : {}),
      ...(known.status >= 500 ? { err: known } : {}),
    });
    return sendProblem(reply, known);
  });
  server.setNotFoundHandler((_request, reply) => sendProblem(reply, new AppError('not_found', 'not found')));
  server.addHook('onResponse', (request, reply, done) => {
    const line: RequestLine = {
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      reason: reply.statusCode === 404 ? 'not_found' : 'answered',
      ms: reply.elapsedTime,
      ...request[NOTES],
    };
    logRequest(log, line);
    options.onRequestEnd?.(line);
    done();
  });
  // Nothing here is a page: nothing may be loaded, framed or guessed.
  const securityHeaders = await readSecurityHeaders();
  server.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(securityHeaders);
    done();
  });
  await addRequestLimits(server);
  const senderLimit = options.addressLimit && limitAddresses(server, options.addressLimit);
  server.addHook('onRequest', (request, _reply, done) =>
    done(oldProtocol(request.raw) ?? missingHost(request) ?? repeatedHeader(request.raw.rawHeaders)),
  );
  // From the whole request on: a body that comes slowly has its own limit.
  server.addHook('preHandler', (_request, reply, done) => {
    const timer = setTimeout(() => {
      if (!reply.sent) void sendProblem(reply, noAnswer());
    }, limits.handlerTimeoutMs);
    reply.raw.once('close', () => clearTimeout(timer));
    done();
  });
  await server.register(fastifyMetrics.default, {
    endpoint: null,
    promClient: { ...promClient, register: registry },
    defaultMetrics: { enabled: false },
    routeMetrics: {
      enabled: { histogram: true, summary: false },
      overrides: { histogram: { registers: [registry] }, summary: { registers: [registry] } },
    },
  });
  return {
    server,
    openLane(route) {
      const lane = openExpressLane({ server: server.server, limits, route, senderOf: createSenderReader(trustProxy), senderLimit });
      server.addHook('preClose', (done) => {
        lane.close();
        done();
      });
    },
    answerHead(status, contentType) {
      const headers = { ...securityHeaders, ...(contentType === undefined ? {} : { 'content-type': contentType }) };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}`;
    },
  };
}

/** What a handler that takes too long is answered for with. */
export function noAnswer(): AppError {
  return new AppError('not_accepting', 'no answer in time', { retryAfterSeconds: 5 });
}

/** Node's parser takes HTTP/0.9 with headers and a body, which never was; whatever stands in front of us may read it otherwise. */
function oldProtocol({ httpVersionMajor }: IncomingMessage): AppError | undefined {
  return httpVersionMajor < 1 ? new AppError('bad_request', 'expected HTTP/1.1') : undefined;
}

/** RFC 9112, 3.2: HTTP/1.1 has it. */
function missingHost({ raw }: FastifyRequest): AppError | undefined {
  return raw.headers.host === undefined && raw.httpVersion === '1.1' ? new AppError('bad_request', 'host: expected it') : undefined;
}

/**
 * Headers that decide how a request is read, and by whom. Node keeps the first of several and drops the others without a
 * word, a proxy in front may keep the last: then the two have read different requests.
 */
const SINGLE_HEADERS: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'content-encoding', 'idempotency-key']);

function repeatedHeader(rawHeaders: readonly string[]): AppError | undefined {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name))
      return new AppError('invalid_header', `${name}: expected it once`, { mistakes: [{ header: name, detail: 'expected it once' }] });
    seen.add(name);
  }
  return undefined;
}

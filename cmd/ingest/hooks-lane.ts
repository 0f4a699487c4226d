import type { Histogram, Registry } from 'prom-client';
import type { AppError } from '../../lib/core/app-error.ts';
import { createDeadlines } from '../../lib/core/deadlines.ts';
import { type EdgeServer, noAnswer } from '../../lib/http/edge-server.ts';
import type { LaneAnswer, LaneRoute } from '../../lib/http/express-lane.ts';
import { PROBLEM_TYPE, problemOf, toRequestError } from '../../lib/http/problem.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { type RequestLine, traceIdOf } from '../../lib/telemetry/canonical-line.ts';
import type { IngestMetrics } from '../../lib/telemetry/metrics.ts';
import { type ReceivedEvent, type ReceivedWebhook, receiveWebhook } from '../../lib/webhook/received-event.ts';
import type { Source } from '../../lib/webhook/source.ts';
import { headersFromRaw } from '../../lib/webhook/webhook-headers.ts';
import type { Acceptor } from './acceptor.ts';
import { HOOKS_ROUTE } from './hooks-route.ts';
import { refuseUnread } from './unread-request.ts';

export interface HooksLaneOptions {
  readonly settings: Pick<Settings, 'findSource'>;
  readonly acceptor: Acceptor;
  readonly metrics: IngestMetrics;
  /** Has the server's histogram of its routes. */
  readonly registry: Registry;
  readonly answerHead: EdgeServer['answerHead'];
  /** Called with the line of each request that was answered. */
  readonly onAnswer: (line: RequestLine) => void;
  /** Until every request has its answer. */
  readonly timeoutMs: number;
  readonly now: () => number;
}

const PREFIX = HOOKS_ROUTE.slice(0, HOOKS_ROUTE.indexOf(':'));
const JSON_TYPE = 'application/json; charset=utf-8';

/** The hooks in the lane: it takes what is genuine and becomes an event; all else the server answers. */
export function createHooksLane(options: HooksLaneOptions): LaneRoute {
  const { settings, now } = options;
  const answer = createAnswers(options);
  return {
    admit({ path, rawHeaders, contentLength }) {
      const startedAt = performance.now();
      const source = path.startsWith(PREFIX) ? settings.findSource(path.slice(PREFIX.length)) : undefined;
      if (source === undefined) return undefined;
      const headers = headersFromRaw(rawHeaders);
      if (refuseUnread(source, headers, contentLength) !== undefined) return undefined;
      return (body) => {
        const nowMs = now();
        if (!source.verify(headers, body, nowMs).ok) return undefined;
        let received: ReceivedWebhook;
        try {
          received = receiveWebhook({ source, headers, body, nowMs });
        } catch {
          // The server finds the same, and says what.
          return undefined;
        }
        return received.kind === 'event' ? answer(source, received.event, startedAt) : undefined;
      };
    },
  };
}

type Answer = (source: Source, event: ReceivedEvent, startedAt: number) => Promise<LaneAnswer>;

/** Accepts, and makes what the server would answer, count and log. */
function createAnswers({ acceptor, metrics, registry, answerHead, onAnswer, timeoutMs }: HooksLaneOptions): Answer {
  const routeSeconds = registry.getSingleMetric('http_request_duration_seconds') as Histogram;
  const deadlines = createDeadlines(timeoutMs);
  const heads = new Map<string, string>();
  const headOf = (status: number, type: string | undefined): string => {
    const kind = `${status} ${type}`;
    const head = heads.get(kind) ?? answerHead(status, type);
    heads.set(kind, head);
    return head;
  };
  const finish = (line: RequestLine): void => {
    routeSeconds.observe({ method: 'POST', route: HOOKS_ROUTE, status_code: line.status }, line.ms / 1_000);
    onAnswer(line);
  };

  function failed(error: AppError): LaneAnswer {
    const problem = problemOf(error);
    const { retryAfterSeconds } = error;
    const retryAfter = retryAfterSeconds === undefined ? '' : `retry-after: ${retryAfterSeconds}\r\n`;
    return { status: problem.status, head: `${headOf(problem.status, PROBLEM_TYPE)}${retryAfter}`, body: JSON.stringify(problem) };
  }

  return async (source, event, startedAt) => {
    const traceId = traceIdOf(event.traceparent);
    const { body, id: eventId, type } = event;
    const of = { method: 'POST', route: HOOKS_ROUTE, source: source.name, bytes: body.length, eventId, type };
    const line = traceId === undefined ? of : { ...of, traceId };
    const verifiedAt = performance.now();
    try {
      const [{ duplicate } = { duplicate: false }] = await deadlines.race(acceptor.accept([event]), noAnswer);
      const endedAt = performance.now();
      metrics.acceptSeconds.observe((endedAt - verifiedAt) / 1_000);
      metrics.accepted.inc({ source: source.name, duplicate: String(duplicate) });
      metrics.bodyBytes.observe(body.length);
      const { status, body: form } = source.accepted;
      finish({ ...line, status, reason: 'accepted', ms: endedAt - startedAt, duplicate });
      if (form === 'empty') return { status, head: headOf(status, undefined), body: '' };
      return { status, head: headOf(status, JSON_TYPE), body: `{"id":"${eventId}","duplicate":${duplicate}}` };
    } catch (error) {
      const known = toRequestError(error);
      const answer = failed(known);
      const err = answer.status >= 500 ? { err: known } : {};
      finish({ ...line, status: answer.status, reason: known.code, ms: performance.now() - startedAt, ...err });
      return answer;
    }
  };
}

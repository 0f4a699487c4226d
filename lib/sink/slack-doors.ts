import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Arrivals, SinkAttempt, SinkMessage } from './arrivals.ts';
import type { BehaviourAnswer, BehaviourQueue } from './behaviour.ts';
import { judgeApiCall, judgeWebhook, type Judged } from './slack-requests.ts';
import { findChannel, type SlackWorkspace } from './workspace.ts';

const HALF_ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\no';

/**
 * The two doors of Slack that a message goes through. Every request is an attempt; a message that passes Slack's checks
 * arrives, also when the behaviour then loses the answer.
 */
export function registerSlackDoors(
  server: FastifyInstance,
  workspace: SlackWorkspace,
  arrivals: Arrivals,
  behaviours: BehaviourQueue,
): void {
  const namesOf = (channel: string | null): string[] | undefined => {
    if (channel === null) return undefined;
    const found = findChannel(workspace, channel);
    return found === undefined ? [channel] : [found.name, found.id];
  };

  function door(path: string, via: SinkMessage['via'], judge: (request: FastifyRequest) => Judged): void {
    server.post(path, {
      onRequest: (request, reply, next) => {
        const webhook = workspace.webhooks.find((candidate) => candidate.path === request.url.split('?')[0]);
        const early = behaviours.takeBeforeRead({ channel: namesOf(webhook?.channel ?? null), text: undefined });
        if (early === undefined) return next();
        arrivals.addAttempt({
          ...attemptOf(request, via),
          channel: webhook?.channel ?? null,
          outcome: 'behaviour',
          because: 'before-read',
        });
        hangUp(reply);
      },
      handler: async (request, reply) => {
        const attempt = attemptOf(request, via);
        const judged = judge(request);
        const seen = {
          ...attempt,
          channel: judged.channel,
          text: judged.text,
          idempotencyKey: attempt.idempotencyKey ?? judged.idempotencyKey,
        };
        const told = behaviours.take({ channel: namesOf(judged.channel) ?? [], text: `${judged.text ?? ''}\n${String(request.body)}` });
        const early = told === undefined ? undefined : answerAsTold(told, via);
        const { status, body, because, outcome } = early ?? arrive(judged, via, seen.idempotencyKey, arrivals);
        const lost = told?.hangUp;
        arrivals.addAttempt({ ...seen, status: lost === undefined ? status : null, outcome, because: lost ?? because });
        if (told?.delayMs !== undefined) await pass(told.delayMs, request);
        if (lost !== undefined) return hangUp(reply, lost === 'half-answer' ? HALF_ANSWER : '');
        if (told?.retryAfter !== undefined) reply.header('retry-after', String(told.retryAfter));
        return reply
          .code(status)
          .type(typeof body === 'string' ? 'text/html' : 'application/json; charset=utf-8')
          .send(body);
      },
    });
  }

  door('/services/*', 'incoming-webhook', (request) => judgeWebhook(workspace, request));
  door('/api/chat.postMessage', 'chat.postMessage', (request) => judgeApiCall(workspace, request));
}

interface Answer extends Pick<SinkAttempt, 'outcome' | 'because'> {
  readonly status: number;
  readonly body: string | object;
}

/** What a behaviour answers; undefined where Slack answers (late, or not to the end). */
function answerAsTold(told: BehaviourAnswer, via: SinkMessage['via']): Answer | undefined {
  if (told.hangUp === 'before-read') return { status: 0, body: '', outcome: 'behaviour', because: 'before-read' };
  if (told.status === undefined && told.body === undefined && told.retryAfter === undefined) return undefined;
  const status = told.status ?? (told.retryAfter === undefined ? 200 : 429);
  const limited = via === 'incoming-webhook' ? 'rate_limited' : { ok: false, error: 'ratelimited' };
  const body = told.body ?? (status === 429 ? limited : '');
  return {
    status,
    body: typeof body === 'string' || (typeof body === 'object' && body !== null) ? body : JSON.stringify(body),
    outcome: 'behaviour',
    because: `status ${status}`,
  };
}

function arrive(judged: Judged, via: SinkMessage['via'], idempotencyKey: string | null, arrivals: Arrivals): Answer {
  if (judged.kind === 'refused') return { status: judged.status, body: judged.answer, outcome: 'refused', because: judged.error };
  const { channel, message } = judged.found;
  const stored = arrivals.addMessage({
    kind: 'slack',
    channel: channel.name,
    channelId: channel.id,
    via,
    idempotencyKey,
    text: message.text,
    body: message.body,
    attachments: message.attachments,
  });
  const body =
    via === 'incoming-webhook'
      ? 'ok'
      : {
          ok: true,
          channel: channel.id,
          ts: stored.ts,
          message: { type: 'message', subtype: 'bot_message', text: message.text, ts: stored.ts },
        };
  return { status: 200, body, outcome: 'arrived', because: null };
}

function attemptOf(request: FastifyRequest, via: SinkMessage['via']): SinkAttempt {
  const header = request.headers['idempotency-key'];
  const idempotencyKey = typeof header === 'string' ? header : null;
  return { at: new Date().toISOString(), via, channel: null, idempotencyKey, text: null, status: null, outcome: 'refused', because: null };
}

/** Breaks the connection off, with a reset. */
function hangUp(reply: FastifyReply, first = ''): FastifyReply {
  reply.hijack();
  const { socket } = reply.raw;
  if (first === '') socket?.resetAndDestroy();
  else socket?.write(first, () => socket.resetAndDestroy());
  return reply;
}

/** Waits, but not for a client that has gone. */
async function pass(ms: number, request: FastifyRequest): Promise<void> {
  const { socket } = request.raw;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      socket.off('close', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    socket.once('close', end);
  });
}

import type { FastifyRequest } from 'fastify';
import { judgePayload, type JudgedPayload } from './slack-payload.ts';
import { findChannel, type SlackChannel, type SlackWorkspace } from './workspace.ts';

/** A request after Slack's checks: a message for a channel, or Slack's refusal. */
export type Judged = {
  /** As it was named, or as its webhook says; null where it is not known. */
  readonly channel: string | null;
  readonly text: string | null;
  /** From the message's metadata. */
  readonly idempotencyKey: string | null;
} & (
  | {
      readonly kind: 'message';
      readonly found: { readonly channel: SlackChannel; readonly message: Extract<JudgedPayload, { kind: 'message' }> };
    }
  | { readonly kind: 'refused'; readonly status: number; readonly error: string; readonly answer: string | object }
);

/**
 * HTTP status of a webhook's refusal (docs.slack.dev, "Sending messages using incoming webhooks"). What is not here is 400.
 */
const WEBHOOK_STATUS: Readonly<Record<string, number>> = {
  invalid_token: 403,
  action_prohibited: 403,
  no_service: 404,
  channel_not_found: 404,
  channel_is_archived: 410,
};

/** `POST /services/T.../B.../...`: the URL is the credential and names the channel; the answer is plain text. */
export function judgeWebhook(workspace: SlackWorkspace, request: FastifyRequest): Judged {
  const path = request.url.split('?')[0] ?? '';
  const webhook = workspace.webhooks.find((candidate) => candidate.path === path);
  const form = isForm(request) ? new URLSearchParams(String(request.body)).get('payload') : undefined;
  const body = parseObject(form === undefined ? String(request.body) : form);
  const known = describe(webhook?.channel ?? null, body);
  const refuse = (error: string): Judged => ({ ...known, kind: 'refused', status: WEBHOOK_STATUS[error] ?? 400, error, answer: error });

  if (webhook === undefined) {
    // A known team and service with a wrong last part is a wrong token; all else is no service.
    const service = path.slice(0, path.lastIndexOf('/') + 1);
    return refuse(workspace.webhooks.some((other) => other.path.startsWith(service)) ? 'invalid_token' : 'no_service');
  }
  if (body === undefined) return refuse('invalid_payload');
  const channel = findChannel(workspace, webhook.channel);
  if (channel === undefined) return refuse('channel_not_found');
  if (channel.isArchived === true) return refuse('channel_is_archived');
  const message = judgePayload(body);
  return message.kind === 'error' ? refuse(message.error) : { ...known, kind: 'message', found: { channel, message } };
}

/** `POST /api/chat.postMessage`: a bot token, JSON or a form; the answer is JSON with `ok`, and its status is 200. */
export function judgeApiCall(workspace: SlackWorkspace, request: FastifyRequest): Judged {
  const form = isForm(request) ? Object.fromEntries(new URLSearchParams(String(request.body))) : undefined;
  const body = form === undefined ? parseObject(String(request.body)) : unpackForm(form);
  const known = describe(typeof body?.['channel'] === 'string' ? body['channel'] : null, body);
  const refuse = (error: string, details: readonly string[] = []): Judged => ({
    ...known,
    kind: 'refused',
    status: 200,
    error,
    answer: {
      ok: false,
      error,
      ...(details.length === 0 ? {} : { errors: details, response_metadata: { messages: details.map((text) => `[ERROR] ${text}`) } }),
    },
  });

  if (form === undefined && !isJson(request))
    return refuse(request.headers['content-type'] === undefined ? 'missing_post_type' : 'invalid_post_type');
  // A token in a JSON body is not looked at.
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? form?.['token'];
  if (token === undefined || token === '') return refuse('not_authed');
  if (!workspace.tokens.includes(token)) return refuse('invalid_auth');
  if (body === undefined) return refuse('invalid_json');
  if (typeof body['channel'] !== 'string' || body['channel'] === '') return refuse('channel_not_found');
  const channel = findChannel(workspace, body['channel']);
  if (channel === undefined) return refuse('channel_not_found');
  if (channel.isArchived === true) return refuse('is_archived');
  const message = judgePayload(body);
  return message.kind === 'error' ? refuse(message.error, message.details) : { ...known, kind: 'message', found: { channel, message } };
}

function describe(channel: string | null, body: Record<string, unknown> | undefined): Pick<Judged, 'channel' | 'text' | 'idempotencyKey'> {
  const metadata = body?.['metadata'] as { event_payload?: { idempotency_key?: unknown } } | null | undefined;
  const key = metadata?.event_payload?.idempotency_key;
  const text = body?.['text'];
  return { channel, text: typeof text === 'string' ? text : null, idempotencyKey: typeof key === 'string' ? key : null };
}

function isJson(request: FastifyRequest): boolean {
  return /^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '');
}

function isForm(request: FastifyRequest): boolean {
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '');
}

/** In a form the lists and objects are JSON texts. What is not JSON stays a text, which no check lets pass. */
function unpackForm(form: Record<string, string>): Record<string, unknown> {
  const body: Record<string, unknown> = { ...form };
  delete body['token'];
  for (const name of ['blocks', 'attachments', 'metadata']) {
    const text = form[name];
    if (text !== undefined) body[name] = parseJson(text) ?? text;
  }
  return body;
}

function parseObject(text: string | null): Record<string, unknown> | undefined {
  const value = text === null ? undefined : parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

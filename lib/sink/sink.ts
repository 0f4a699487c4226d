import { fastify } from 'fastify';
import { z } from 'zod';
import { Arrivals, type ArrivalFilter } from './arrivals.ts';
import { behaviourMistakes, BehaviourQueue, behaviourSchema } from './behaviour.ts';
import { renderPage } from './page.ts';
import { DEMO_MAIL_ACCOUNT, type MailAccount } from './mail-account.ts';
import { registerMailRoutes } from './mail-routes.ts';
import { registerSlackDoors } from './slack-doors.ts';
import type { SmtpDoor } from './smtp-door.ts';
import { DEMO_WORKSPACE, type SlackWorkspace } from './workspace.ts';

export interface SinkOptions {
  /** (Default: 127.0.0.1; it has no authentication of its own) */
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where its mail server listens, 0 as for the port. (Default: there is none; it needs the development dependencies) */
  readonly smtpPort?: number;
  /** Who may send at it. (Default: the demo's) */
  readonly mailAccount?: MailAccount;
  /** (Default: the demo's) */
  readonly workspace?: SlackWorkspace;
  /** Messages kept in memory, and as many attempts; the oldest go first. (Default: 100,000) */
  readonly maxMessages?: number;
  /** Every message is also appended to this file, one JSON per line, before it is answered; at the start its last 4 MiB are read back. */
  readonly file?: string;
}

export interface Sink {
  readonly url: string;
  /** Of its mail server, as `smtp://host:port`. */
  readonly smtpUrl: string | undefined;
  /** May be called twice. Bounded: open connections are cut. */
  stop(): Promise<void>;
}

/** About ten times Slack's largest message. Bytes. */
const MAX_BODY_BYTES = 1_048_576;

const filterSchema = z.object({
  kind: z.enum(['slack', 'email']).optional(),
  channel: z.string().optional(),
  /** RFC 3339, or milliseconds since the epoch. */
  since: z.string().optional(),
  limit: z.coerce.number().int().min(0).optional(),
});

/**
 * Starts the local peer: Slack's HTTP API as its documentation says, a mail server, a page and JSON of what arrived, and behaviours
 * to make it fail. It checks what Slack and mail servers check and never deduplicates, so that a message sent twice is seen twice.
 */
export async function startSink(options: SinkOptions): Promise<Sink> {
  const {
    host = '127.0.0.1',
    port,
    smtpPort,
    mailAccount = DEMO_MAIL_ACCOUNT,
    workspace = DEMO_WORKSPACE,
    maxMessages = 100_000,
    file,
  } = options;
  const arrivals = new Arrivals(maxMessages, file);
  const behaviours = new BehaviourQueue();
  const server = fastify({ logger: false, forceCloseConnections: true, bodyLimit: MAX_BODY_BYTES });
  server.addHook('onClose', () => arrivals.close());
  // Bodies are judged by the doors, with Slack's errors and not with ours.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  registerSlackDoors(server, workspace, arrivals, behaviours);
  const mail = smtpPort === undefined ? undefined : await openMail();

  server.get('/', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
      .header('x-content-type-options', 'nosniff')
      .send(renderPage(arrivals.messages())),
  );
  server.get('/messages', (request) => arrivals.messages(readFilter(request.query)));
  server.get('/attempts', (request) => arrivals.attempts(readFilter(request.query)));
  server.delete('/messages', (_request, reply) => {
    arrivals.clear();
    mail?.mailbox.clear();
    return reply.code(204).send();
  });
  server.get('/behaviour', () => behaviours.list());
  server.post('/behaviour', (request, reply) => {
    const told = parseJson(String(request.body));
    const parsed = behaviourSchema.safeParse(told);
    if (!parsed.success)
      return reply.code(400).send({ title: 'The behaviour does not fit', detail: behaviourMistakes(parsed.error, told) });
    behaviours.add(parsed.data);
    return reply.code(201).send(behaviours.list());
  });
  server.delete('/behaviour', (_request, reply) => {
    behaviours.clear();
    return reply.code(204).send();
  });
  server.get('/livez', () => ({ live: true }));
  server.get('/readyz', () => ({ ready: true }));

  let door: SmtpDoor | undefined;
  const stop = async (): Promise<void> => {
    await door?.stop();
    await server.close();
  };
  try {
    if (mail !== undefined && smtpPort !== undefined)
      door = await mail.startSmtpDoor({ host, port: smtpPort, account: mailAccount, arrivals, behaviours, mailbox: mail.mailbox });
    const url = await server.listen({ host, port });
    return { url, smtpUrl: door?.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }

  /** Its libraries are loaded only where it is wanted. */
  async function openMail() {
    const [{ Mailbox }, { startSmtpDoor }] = await Promise.all([import('./mailbox.ts'), import('./smtp-door.ts')]);
    const mailbox = new Mailbox(arrivals);
    registerMailRoutes(server, mailbox);
    return { mailbox, startSmtpDoor };
  }
}

function readFilter(query: unknown): ArrivalFilter {
  const { kind, channel, since, limit } = filterSchema.parse(query);
  const sinceMs = since === undefined ? undefined : /^\d+$/.test(since) ? Number(since) : Date.parse(since);
  return { kind, channel, limit, sinceMs };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

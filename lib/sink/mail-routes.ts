import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Mailbox } from './mailbox.ts';

interface MailPath {
  readonly Params: { readonly id: string; readonly index: string };
}

/** Somebody else wrote it: it is handed out to be saved, and a browser runs nothing of it. */
const AS_A_FILE = {
  'content-disposition': 'attachment',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

/** The bytes of mails and of their attachments. */
export function registerMailRoutes(server: FastifyInstance, mailbox: Mailbox): void {
  server.get<MailPath>('/messages/:id/raw', (request, reply) => {
    const raw = mailbox.raw(request.params.id);
    return raw === undefined ? gone(reply) : reply.headers(AS_A_FILE).type('message/rfc822').send(raw);
  });
  server.get<MailPath>('/messages/:id/attachments/:index', async (request, reply) => {
    const part = await mailbox.part(request.params.id, Number(request.params.index));
    return part === undefined ? gone(reply) : reply.headers(AS_A_FILE).type(part.type).send(part.content);
  });
}

function gone(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ title: 'It is not kept', detail: 'Only the newest mails have their bytes, and only until the sink ends' });
}

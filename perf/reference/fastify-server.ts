import { connect } from '@nats-io/transport-node';
import { jetstream } from '@nats-io/jetstream';
import { fastify } from 'fastify';

/**
 * What others would build: Fastify, the body as bytes, 202. With a broker's address it publishes each body and waits for
 * the confirmation; it verifies, deduplicates, orders, measures and logs nothing.
 *
 *     fastify-server.ts <port> [<broker> <subject>]
 */
const [port = '', broker, subject = ''] = process.argv.slice(2);
const log = broker === undefined ? undefined : jetstream(await connect({ servers: broker, noAsyncTraces: true }));

const server = fastify({ logger: false });
server.removeAllContentTypeParsers();
server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
server.post('/hooks/:source', async (request, reply) => {
  const seq = log === undefined ? 0 : (await log.publish(subject, request.body as Buffer)).seq;
  return reply.code(202).send({ seq });
});
await server.listen({ host: '127.0.0.1', port: Number(port) });
process.on('SIGTERM', () => process.exit());

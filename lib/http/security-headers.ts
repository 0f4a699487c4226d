import helmet from '@fastify/helmet';
import { fastify } from 'fastify';

/**
 * The headers that tell a browser to load, frame and guess nothing, as helmet sets them. It is asked once: for every answer
 * anew it costs more than all else that the server does about a request, and says the same each time.
 */
export async function readSecurityHeaders(): Promise<Readonly<Record<string, string>>> {
  const server = fastify({ logger: false });
  await server.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] } },
  });
  server.get('/', (_request, reply) => reply.send(Object.entries(reply.raw.getHeaders())));
  const answer = await server.inject('/');
  await server.close();
  return Object.fromEntries(answer.json<[string, string][]>());
}

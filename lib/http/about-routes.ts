import type { FastifyInstance } from 'fastify';
import { errorsPage } from './errors-page.ts';
import { ERRORS_PATH } from './problem.ts';
import { problemResponses } from './problem-schema.ts';

const HTML = 'text/html; charset=utf-8';

/** What a person who opens the address in a browser is told, and what a problem's `type` says. */
export function addAboutRoutes(server: FastifyInstance, title: string): void {
  const about = JSON.stringify({ name: title, docs: '/docs', openapi: '/openapi.json', errors: ERRORS_PATH });
  const string = { type: 'string' };
  server.get(
    '/',
    {
      schema: {
        operationId: 'readAbout',
        summary: 'Where to read on',
        tags: ['about'],
        security: [],
        response: {
          200: {
            description: 'Addresses on this server',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: { name: string, docs: string, openapi: string, errors: string },
                  required: ['name', 'docs', 'openapi', 'errors'],
                  additionalProperties: false,
                },
              },
            },
          },
          ...problemResponses([]),
        },
      },
    },
    (_request, reply) =>
      reply
        .type('application/json; charset=utf-8')
        .serializer((text: string) => text)
        .send(about),
  );
  let page: string | undefined;
  server.get(ERRORS_PATH, { schema: { hide: true } }, (_request, reply) => reply.type(HTML).send((page ??= errorsPage())));
}

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { AppError } from '../core/app-error.ts';
import { addAboutRoutes } from './about-routes.ts';
import { ERRORS_PATH } from './problem.ts';
import { problemResponses, problemSchema } from './problem-schema.ts';

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** Schemas that routes refer to as `{ $ref: '<name>#' }`. */
  readonly schemas: Readonly<Record<string, z.ZodType>>;
}

const PAGE = '/docs';

/** The page's own scripts and styles, from here; it may ask this server, and nobody else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // The page's library writes styles into its elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The server's OpenAPI 3.1 document, made of the schemas of the routes that are added afterwards, at `/openapi.json`, and a
 * page to read it at `/docs`; `/` says so. A route without a schema is a TypeError. The schemas say what is so; nothing is parsed, dropped or rewritten by them: requests are
 * read from their bytes, and a test compares the answers.
 */
export async function addOpenApi(server: FastifyInstance, options: OpenApiOptions): Promise<void> {
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: options.title,
        version: options.version,
        description: options.description,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: options.tags.map((tag) => ({ ...tag })),
      components: {
        securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'vis_<env>_<id>_<secret>' } },
      },
      // Each operation says what it wants.
      security: [],
    },
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`) },
  });
  server.addHook('onRoute', ({ url, schema }) => {
    if (schema?.hide === true || url === PAGE || url.startsWith(`${PAGE}/`)) return;
    // Nothing can be asked of this server that its document does not know.
    if (schema?.operationId === undefined || schema.response === undefined)
      throw new TypeError(`${url}: expected a schema with operationId and response, got none`);
  });
  for (const [name, schema] of Object.entries({ Problem: problemSchema, ...options.schemas }))
    server.addSchema({ $id: name, ...jsonSchema(schema) });
  await server.register(swaggerUi, {
    routePrefix: PAGE,
    staticCSP: PAGE_POLICY,
    theme: { title: options.title },
    // No badge of a validator elsewhere.
    uiConfig: { validatorUrl: null, deepLinking: true },
  });
  let document: string | undefined;
  server.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'readDocument',
        summary: 'This document',
        tags: ['about'],
        security: [],
        response: {
          200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } } },
          ...problemResponses([]),
        },
      },
    },
    async (_request, reply) => {
      document ??= JSON.stringify(server.swagger());
      return reply.type('application/json; charset=utf-8').send(document);
    },
  );
  addAboutRoutes(server, options.title);
  for (const url of ['/openapi.json', '/', ERRORS_PATH]) refuseOtherMethods(server, url, 'GET');
}

/** A zod schema as JSON Schema 2020-12, which is what OpenAPI 3.1 has. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** 405 with `Allow` for the methods that an address does not have. */
export function refuseOtherMethods(server: FastifyInstance, url: string, allowed: 'GET' | 'POST'): void {
  server.route({
    method: METHODS.filter((method) => method !== allowed),
    url,
    schema: { hide: true },
    onRequest: (_request, reply, done) => {
      void reply.header('allow', allowed);
      done(new AppError('method_not_allowed', `expected ${allowed}`));
    },
    handler: () => undefined,
  });
}

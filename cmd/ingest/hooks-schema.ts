import { problemResponses } from '../../lib/http/problem-schema.ts';

const receipt = { 'application/json': { schema: { $ref: 'Receipt#' } } };

/** What the API's document says of webhooks. */
export const RECEIVE_WEBHOOK = {
  operationId: 'receiveWebhook',
  summary: "A provider's webhook",
  description:
    'Verified by the scheme and the secrets of the source, over the raw bytes, and accepted as the bytes that came. ' +
    'Which status and body says "accepted" is what the provider expects.',
  tags: ['webhooks'],
  security: [],
  params: {
    type: 'object',
    required: ['source'],
    properties: { source: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,63}$', description: 'The name of a source.' } },
  },
  body: { content: { '*/*': { schema: { description: 'Of a content type that the source declares.' } } } },
  response: {
    200: {
      description: "Accepted, now or before (an empty body where the provider wants none); or the answer to a provider's challenge.",
      content: { ...receipt, 'text/plain': { schema: { type: 'string' } } },
    },
    202: { description: 'Accepted, now or before.', content: receipt },
    ...problemResponses([
      'invalid_json',
      'too_deep',
      'invalid_header',
      'unauthenticated',
      'not_found',
      'too_large',
      'unsupported_media_type',
    ]),
  },
};

import { z } from 'zod';
import { PRIORITIES } from '../../../lib/core/priority.ts';
import { problemSchema, problemResponses } from '../../../lib/http/problem-schema.ts';
import { MAX_BATCH_EVENTS } from '../../../lib/cloudevents/structured-event.ts';
import { BATCH_TYPE, STRUCTURED_TYPE } from './read-request.ts';

/** What the API's document says of events. */

const label = (description: string) => z.string().min(1).max(256).describe(description);
const address = (description: string) => z.string().min(1).max(1_024).describe(description);
const INT32 = 2_147_483_647;

const attributes = {
  specversion: z.literal('1.0'),
  id: label('With `source` the identity of the event: sent again it is a duplicate.'),
  source: address('Where it happened.').meta({ format: 'uri-reference' }),
  type: label('What happened, as `order.paid`.'),
  subject: label("What it is about. It is the event's key: events of one key are handled in order, one at a time.").optional(),
  time: z.string().describe('When it happened (RFC 3339).').meta({ format: 'date-time' }).optional(),
  dataschema: address('The schema of the data.').meta({ format: 'uri' }).optional(),
  datacontenttype: z
    .string()
    .max(256)
    .describe('Of the data. (Default: application/json)')
    .meta({ examples: ['application/json'] })
    .optional(),
  partitionkey: label("The event's key instead of `subject` (CloudEvents' partitioning extension).").optional(),
  priority: z.enum(PRIORITIES).describe('Urgent events overtake. (Default: default)').optional(),
  traceparent: z
    .string()
    .max(1_024)
    .describe('W3C Trace Context; where it is none that is valid, a trace begins here.')
    .meta({ examples: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'] })
    .optional(),
};

export const cloudEventSchema = z
  .object({
    ...attributes,
    data: z.unknown().describe('Any JSON; a text where `datacontenttype` is not JSON. Kept byte for byte.').optional(),
    data_base64: z
      .string()
      .describe('Bytes, instead of `data` (RFC 4648, 4).')
      .meta({ contentEncoding: 'base64', examples: ['AAEC'] })
      .optional(),
  })
  .catchall(
    z.union([
      z.string().max(1_024),
      z.boolean(),
      z
        .int()
        .min(-INT32 - 1)
        .max(INT32),
      z.null(),
    ]),
  )
  .describe('CloudEvents 1.0.2. Further attributes are extensions: names of lower-case letters and digits. 40 at most in all.');

export const receiptSchema = z
  .strictObject({
    id: z.string().describe('The identity of the event here: `visapi trace <id>`.'),
    duplicate: z.boolean().describe('It was accepted before, and is not stored again.'),
  })
  .describe('The event is on the disk.');

export const batchReceiptSchema = z.strictObject({
  accepted: z.int().min(0),
  refused: z.int().min(0),
  results: z.array(z.union([receiptSchema, z.strictObject({ problem: problemSchema })])).describe('One for each event, in its order.'),
});

export const EVENT_SCHEMAS = { CloudEvent: cloudEventSchema, Receipt: receiptSchema, BatchReceipt: batchReceiptSchema };

const idempotencyKey = z
  .string()
  .regex(/^([A-Za-z0-9._:-]{1,128}|"[A-Za-z0-9._:-]{1,128}")$/)
  .describe("The request's identity, instead of its events': the first request with it is what counts, whatever a second one holds.");

const headers = (more: Readonly<Record<string, z.ZodType>>) =>
  z.toJSONSchema(z.object({ 'idempotency-key': idempotencyKey.optional(), traceparent: attributes.traceparent, ...more }), { io: 'input' });

/** Binary mode: attributes as headers. None is required, since structured mode has none. */
const binaryHeaders = Object.fromEntries(
  Object.entries(attributes)
    .filter(([name]) => name !== 'datacontenttype')
    .map(([name, schema]) => [`ce-${name}`, schema.optional()]),
);

const receipt = { content: { 'application/json': { schema: { $ref: 'Receipt#' } } } };
const batchReceipt = { content: { 'application/json': { schema: { $ref: 'BatchReceipt#' } } } };
const REFUSALS = [
  'invalid_json',
  'too_deep',
  'invalid_event',
  'invalid_header',
  'unauthenticated',
  'forbidden',
  'too_large',
  'unsupported_media_type',
] as const;

export const SEND_EVENT = {
  operationId: 'sendEvent',
  summary: 'Send an event',
  description:
    'CloudEvents 1.0 in structured mode, or in binary mode: attributes as `ce-` headers, percent-encoded, and any body with its content type. ' +
    'A 202 says that the event is on the disk.',
  tags: ['events'],
  security: [{ apiKey: [] }],
  headers: headers(binaryHeaders),
  body: {
    content: {
      [STRUCTURED_TYPE]: { schema: { $ref: 'CloudEvent#' } },
      '*/*': { schema: { description: 'The data, in binary mode.' } },
    },
  },
  response: { 202: { description: 'Accepted, now or before.', ...receipt }, ...problemResponses(REFUSALS) },
};

export const SEND_BATCH = {
  operationId: 'sendEvents',
  summary: 'Send a batch of events',
  description:
    'All events that are good are accepted together, in their order; each that is not has its own problem. Send again only those. ' +
    'With an `Idempotency-Key` an event is known by the key and its place in the batch.',
  tags: ['events'],
  security: [{ apiKey: [] }],
  headers: headers({}),
  body: { content: { [BATCH_TYPE]: { schema: { type: 'array', maxItems: MAX_BATCH_EVENTS, items: { $ref: 'CloudEvent#' } } } } },
  response: {
    202: { description: 'All are accepted, now or before.', ...batchReceipt },
    207: { description: 'Some are accepted, some are refused.', ...batchReceipt },
    ...problemResponses(REFUSALS),
  },
};

import type { FastifyInstance } from 'fastify';
import { checkDocumentLink, DOCUMENT_PATH, type DocumentLinkRefusal } from '../../lib/access/document-link.ts';
import { AppError } from '../../lib/core/app-error.ts';
import type { ErrorCode } from '../../lib/core/error-codes.ts';
import type { Secret } from '../../lib/core/secret.ts';
import { noteRequest } from '../../lib/http/edge-server.ts';
import { refuseOtherMethods } from '../../lib/http/openapi.ts';
import { problemResponses } from '../../lib/http/problem-schema.ts';
import { OBJECT_ID, type ObjectStore } from '../../lib/jetstream/object-store.ts';

export interface DocumentsOptions {
  /** Verifies links; the renderer signs with the same. */
  readonly linkKey: Secret;
  /** Undefined while the broker has not been reached. */
  readonly store: () => Pick<ObjectStore, 'get'> | undefined;
  readonly now: () => number;
}

const REFUSALS: Readonly<Record<DocumentLinkRefusal, ErrorCode>> = {
  malformed: 'invalid_link',
  wrong_signature: 'invalid_link',
  expired: 'expired_link',
};

/** A file of this kind is saved and not shown: it may not run, frame or load anything, whatever a browser takes it for. */
const POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";

const query = (description: string) => ({ type: 'string', description });

const READ_DOCUMENT = {
  operationId: 'readRenderedDocument',
  summary: 'A rendered document, by its signed link',
  description: 'The address is the output `url` of a `document.render` step. Who has it may read the document until it expires.',
  tags: ['documents'],
  security: [],
  params: { type: 'object', required: ['id'], properties: { id: { type: 'string', pattern: OBJECT_ID.source } } },
  querystring: {
    type: 'object',
    required: ['filename', 'expires', 'signature'],
    properties: {
      filename: query('What the file is called where it is saved.'),
      expires: query('Until when the link opens it: seconds since the epoch.'),
      signature: query('HMAC-SHA256 over all of it, base64url.'),
    },
  },
  response: {
    200: { description: 'The document.', content: { 'application/pdf': { schema: { type: 'string', contentEncoding: 'binary' } } } },
    ...problemResponses(['invalid_link', 'expired_link', 'not_found', 'broker_unavailable']),
  },
};

/** `GET /v1/documents/:id`, for whoever has a link that was signed by us and has not expired. The link is the only credential. */
export function addDocumentsRoute(server: FastifyInstance, { linkKey, store, now }: DocumentsOptions): void {
  server.get<{ Params: { id: string } }>(`${DOCUMENT_PATH}:id`, { schema: READ_DOCUMENT }, async (request, reply) => {
    const { id } = request.params;
    const { searchParams } = new URL(request.raw.url ?? '', 'http://ingest');
    const checked = checkDocumentLink(id, searchParams, linkKey.reveal(), now());
    if ('refusal' in checked) throw new AppError(REFUSALS[checked.refusal], `the link is ${checked.refusal.replace('_', ' ')}`);
    const bucket = store();
    if (bucket === undefined) throw new AppError('broker_unavailable', 'the broker has not been reached yet');
    const found = await bucket.get(id);
    if (found === undefined) throw new AppError('not_found', 'the document is not kept any more');
    noteRequest(request, { reason: 'document', bytes: found.bytes });
    return reply
      .headers({
        'content-type': found.contentType,
        'content-disposition': disposition(checked.link.filename),
        'content-security-policy': POLICY,
        // The link is a credential: nobody in between keeps what it opened.
        'cache-control': 'private, no-store',
        'x-content-type-options': 'nosniff',
        'x-robots-tag': 'noindex',
      })
      .send(found.content);
  });
  refuseOtherMethods(server, `${DOCUMENT_PATH}:id`, 'GET');
}

/** The name twice (RFC 6266, 4.3 and RFC 8187): for those who read UTF-8, and in ASCII for the others. */
function disposition(filename: string): string {
  const plain = filename.replaceAll(/[^A-Za-z0-9._ -]/g, '_');
  const encoded = encodeURIComponent(filename).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/**
 * Every error that leaves a program as an answer, a log line or an exit has one code from this table. `status` is the HTTP
 * status where it becomes an answer, `retryable` says whether the same request may succeed later, `title` is the fixed
 * sentence of its problem details (RFC 9457). A code is never renamed: clients and alerts look at it.
 * docs/errors.md is written from it (`npm run docs`); `cause` and `remedy` are Markdown as seen from docs/.
 */
export const ERROR_CODES = {
  bad_request: {
    status: 400,
    retryable: false,
    title: 'The request is not well formed',
    cause: 'what came is no HTTP request, or the server could not read it.',
    remedy: 'look at what sends it, or stands between.',
  },
  invalid_json: {
    status: 400,
    retryable: false,
    title: 'The body is not JSON',
    cause: 'the body says that it is JSON, and it is no JSON in UTF-8; `errors` names the place where that is known.',
    remedy: 'mend the sender.',
  },
  invalid_event: {
    status: 400,
    retryable: false,
    title: 'The event does not fit CloudEvents 1.0',
    cause:
      'an attribute is missing, has another form, or the data is not what it is declared as; `errors` lists every mistake with its place.',
    remedy: 'mend the sender; [api](api.md) says what is expected.',
  },
  too_deep: {
    status: 400,
    retryable: false,
    title: 'The body is nested too deeply',
    cause: 'an event of `/v1/events` has more than 64 levels; a webhook may have any number.',
    remedy: 'send less nesting.',
  },
  invalid_header: {
    status: 400,
    retryable: false,
    title: 'A header has a value that is not allowed',
    cause:
      "mostly the provider's id: it has to be 1 to 128 letters, digits, _ and -, sent once; or a header is there twice that decides how the request is read.",
    remedy: 'mend the sender.',
  },
  unauthenticated: {
    status: 401,
    retryable: false,
    title: 'The request could not be verified',
    cause:
      "signature, time or secret. The answer names a header that is missing, there twice or not in its form; of one that is, it does not say what is wrong. Ingest's log and the metric `visapi_ingest_rejected_total` do.",
    remedy: '[unverified-requests](../runbooks/unverified-requests.md).',
  },
  forbidden: {
    status: 403,
    retryable: false,
    title: 'The key may not do this',
    cause: 'the API key is good, and its scopes do not name what was asked for.',
    remedy: 'make a key with the scope that the answer names.',
  },
  invalid_link: {
    status: 403,
    retryable: false,
    title: 'The link opens nothing',
    cause: 'the address of a document was changed, cut off, or signed under another `DOCUMENT_LINK_KEY`.',
    remedy: 'copy the whole address; after a change of the key render the document again.',
  },
  expired_link: {
    status: 410,
    retryable: false,
    title: 'The link has expired',
    cause: 'links to documents open them for `DOCUMENT_LINK_DAYS`.',
    remedy: 'ask whoever sent it for a new one: running the step again makes it.',
  },
  not_found: {
    status: 404,
    retryable: false,
    title: 'There is nothing at this address',
    cause: 'no source of that name, or another address that nothing answers.',
    remedy: 'look at the address, and at `visapi sources list`.',
  },
  method_not_allowed: {
    status: 405,
    retryable: false,
    title: 'This address does not answer this method',
    cause: 'webhooks and events are taken by POST only.',
    remedy: 'use the method that the header `Allow` names.',
  },
  timeout: {
    status: 408,
    retryable: true,
    title: 'The request took too long to arrive',
    cause: 'headers have 10 s, the whole request 15 s.',
    remedy: 'send it again.',
  },
  too_large: {
    status: 413,
    retryable: false,
    title: 'The body is too large',
    cause: "more than `INGEST_MAX_BODY_BYTES` (1 MiB), or than the source's own `maxBodyBytes`.",
    remedy: 'raise it, up to 8 MiB, or send less.',
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    title: 'The body has a content type that is not accepted',
    cause:
      'a content type that the source or the route does not take, text in another encoding than UTF-8, or a packed body (`content-encoding`).',
    remedy: 'set the content type at the provider (GitHub offers a form as well), or declare it for the source; send the body as it is.',
  },
  too_many_requests: {
    status: 429,
    retryable: true,
    title: 'Too many requests',
    cause: 'more than `INGEST_KEY_REQUESTS_PER_SECOND` with one API key, or `INGEST_ADDRESS_REQUESTS_PER_SECOND` from one address.',
    remedy: 'send it again after `Retry-After`; send batches. Behind a proxy set `TRUST_PROXY`, or all senders share one address.',
  },
  headers_too_large: {
    status: 431,
    retryable: false,
    title: 'The headers are too large',
    cause: 'more than 16 KiB.',
    remedy: 'send fewer.',
  },
  internal: {
    status: 500,
    retryable: true,
    title: 'Something went wrong here',
    cause: 'a fault of ours.',
    remedy: "look for the request's line in the log; send it again.",
  },
  not_accepting: {
    status: 503,
    retryable: true,
    title: 'Nothing durable can be reached',
    cause:
      'the journal is full or cannot be written; nothing is known of sources and keys yet; or no answer in time. After the last the event may be stored or not.',
    remedy: 'send it again with the same id after `Retry-After`; [ingest-unavailable](../runbooks/ingest-unavailable.md).',
  },
  invalid_config: {
    status: 500,
    retryable: false,
    title: 'The configuration does not fit',
    cause: 'variables or channels; the message lists every mistake.',
    remedy: 'mend them. The program exits with 78.',
  },
  unsafe_broker: {
    status: 500,
    retryable: false,
    title: 'The broker is not safe to run on',
    cause: 'older than 2.14.3, no `sync_interval: always`, or its monitoring cannot be read.',
    remedy: 'mend the broker; for a trial there is `ALLOW_UNSAFE_BROKER`. The program exits with 78.',
  },
  broker_unavailable: {
    status: 503,
    retryable: true,
    title: 'The broker cannot be reached',
    cause: 'it is away, or it did not confirm in time.',
    remedy: 'look at `NATS_URL` and at the broker.',
  },
  broker_refused: {
    status: 500,
    retryable: false,
    title: 'The broker refused for good',
    cause: 'no stream takes the subject, or the message does not fit.',
    remedy: '`visapi streams plan`.',
  },
  overloaded: {
    status: 503,
    retryable: true,
    title: 'Too much is waiting already',
    cause: 'more unconfirmed messages than a process keeps (20,000, or 64 MiB).',
    remedy: 'look at why the broker does not confirm.',
  },
  stream_change_refused: {
    status: 409,
    retryable: false,
    title: 'The change would destroy stored messages',
    cause: '`visapi streams apply` was asked for something that loses messages or their durability. Nothing was changed.',
    remedy: 'read which field, and decide by hand.',
  },
  out_of_bounds: {
    status: 400,
    retryable: false,
    title: 'The log does not reach that far',
    cause:
      'a lane was to start past the end of its stream: the record in the database knows more of the log than there is. Has the broker lost its data, or is it another broker?',
    remedy: 'bring the right log back; then the lane opens by itself.',
  },
  database_unavailable: {
    status: 503,
    retryable: true,
    title: 'The database cannot be reached',
    cause: 'it is away, or lets nobody in. The tool says this; programs wait and try again without this code so far.',
    remedy: 'look at `DATABASE_URL` and at the database.',
  },
  cannot_unseal: {
    status: 500,
    retryable: false,
    title: 'A sealed value cannot be opened',
    cause: 'it was sealed with a key that this program does not have, for another place, or was changed.',
    remedy:
      'give `VISAPI_SECRETS_KEY` the key that sealed it, behind the present one: [settings-invalid](../runbooks/settings-invalid.md).',
  },
  changed_meanwhile: {
    status: 409,
    retryable: false,
    title: 'Somebody else changed it meanwhile',
    cause: 'what was to be changed is no longer what was looked at. Nothing was changed.',
    remedy: 'look again, and repeat the change if it is still wanted.',
  },
  start_failed: {
    status: 500,
    retryable: true,
    title: 'The program could not start',
    cause: 'in the log, with its cause.',
    remedy: 'mend it; the supervisor tries again.',
  },
  stop_failed: {
    status: 500,
    retryable: true,
    title: 'The program could not stop in time',
    cause: 'something did not end within `STOP_TIMEOUT_MS`.',
    remedy: 'nothing: what was open is taken over by the next owner.',
  },
} as const satisfies Record<string, ErrorDescription>;

interface ErrorDescription {
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
  /** Why it happens. */
  readonly cause: string;
  /** What whoever meets it does. */
  readonly remedy: string;
}

export type ErrorCode = keyof typeof ERROR_CODES;

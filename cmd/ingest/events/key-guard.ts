import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiKeyRecord } from '../../../lib/access/key-ring.ts';
import type { Scope } from '../../../lib/access/scopes.ts';
import { AppError } from '../../../lib/core/app-error.ts';
import { noteRequest } from '../../../lib/http/edge-server.ts';
import { headersFromRaw } from '../../../lib/webhook/webhook-headers.ts';
import { RETRY_AFTER_SECONDS } from '../acceptor.ts';
import type { Settings } from '../../../lib/settings/settings.ts';

/** Knows who sends, from the headers alone: nobody's body is read before that. */
export interface KeyGuard {
  /** @throws AppError `unauthenticated`, `forbidden`, or `not_accepting` while nothing is known of any key */
  check(request: FastifyRequest, reply: FastifyReply): void;
  /** Whose request it is, once it was checked. */
  keyOf(request: FastifyRequest): ApiKeyRecord;
}

/** RFC 6750, 2.1; schemes are compared without case. The key's own characters are the ring's business. */
const BEARER = /^bearer ([!-~]{1,256})$/i;

/** Tells nothing of any key. */
function noCredential(): AppError {
  const mistake = { header: 'authorization', detail: 'expected Bearer and an API key (vis_...), got nothing' };
  return new AppError('unauthenticated', `authorization: ${mistake.detail}`, { mistakes: [mistake] });
}

export function createKeyGuard(settings: Pick<Settings, 'keys' | 'state'>, scope: Scope, now: () => number): KeyGuard {
  const known = new WeakMap<FastifyRequest, ApiKeyRecord>();
  return {
    check(request, reply) {
      const given = headersFromRaw(request.raw.rawHeaders).one('authorization');
      const text = given.kind === 'one' ? (BEARER.exec(given.value)?.[1] ?? '') : '';
      const result = settings.keys.check(text, now());
      if (!result.ok) {
        noteRequest(request, { reason: given.kind === 'several' ? 'duplicate_header' : result.reason });
        // Nobody is refused for good by a door that has not heard of any key yet.
        if (settings.state.kind === 'unknown')
          throw new AppError('not_accepting', 'expected to know the keys', { retryAfterSeconds: RETRY_AFTER_SECONDS });
        void reply.header('www-authenticate', text === '' ? 'Bearer realm="visapi"' : 'Bearer realm="visapi", error="invalid_token"');
        throw given.kind === 'missing' ? noCredential() : new AppError('unauthenticated', 'not verified');
      }
      noteRequest(request, { source: result.key.source });
      if (!result.key.scopes.includes(scope)) {
        void reply.header('www-authenticate', `Bearer realm="visapi", error="insufficient_scope", scope="${scope}"`);
        throw new AppError('forbidden', `expected a key with the scope ${scope}`);
      }
      known.set(request, result.key);
    },
    keyOf(request) {
      const key = known.get(request);
      if (key === undefined) throw new TypeError('expected a request that was checked');
      return key;
    },
  };
}

import { AppError, toAppError } from '../../lib/core/app-error.ts';
import { contentOf } from '../../lib/webhook/received-event.ts';
import type { Source } from '../../lib/webhook/source.ts';
import type { WebhookHeaders } from '../../lib/webhook/webhook-headers.ts';

/** What can be refused before the body is read. @param contentLength as it was announced */
export function refuseUnread(source: Source, headers: WebhookHeaders, contentLength: number): AppError | undefined {
  try {
    contentOf(source, headers);
  } catch (error) {
    return toAppError(error);
  }
  const encoding = headers.one('content-encoding');
  // Nothing is unpacked: what is signed, stored and judged are the bytes that came.
  if (encoding.kind === 'several' || (encoding.kind === 'one' && encoding.value.toLowerCase() !== 'identity'))
    return new AppError('unsupported_media_type', 'content-encoding: expected none');
  return contentLength > limitOf(source) ? tooLarge(source) : undefined;
}

export function limitOf({ maxBodyBytes = Infinity }: Source): number {
  return maxBodyBytes;
}

export function tooLarge(source: Source): AppError {
  return new AppError('too_large', `expected at most ${limitOf(source)} bytes`);
}

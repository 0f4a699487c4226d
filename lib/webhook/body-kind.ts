import { isUtf8Type, parseContentType } from '../core/content-type.ts';

/** What a body is by its content type: JSON is checked and read, a form is read, anything else is bytes. */
export type BodyKind = 'json' | 'form' | 'bytes';

/** A media type as a source declares it, in lower case and without parameters; `*` + `/*` takes any. */
export const MEDIA_TYPE = /^(\*\/\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63})$/;
export const ANY_MEDIA_TYPE = '*/*';

export function bodyKindOf(mediaType: string): BodyKind {
  if (mediaType === 'application/json' || mediaType.endsWith('+json')) return 'json';
  return mediaType === 'application/x-www-form-urlencoded' ? 'form' : 'bytes';
}

/**
 * What the body is, where its content type is one of those declared; undefined where it is not. JSON and forms are UTF-8 (RFC 8259, 8.1):
 * a body in another encoding is not the bytes that a reader takes it for.
 */
export function acceptedKind(declared: readonly string[], contentType: string): BodyKind | undefined {
  const type = parseContentType(contentType);
  if (type === undefined || !(declared.includes(type.mediaType) || declared.includes(ANY_MEDIA_TYPE))) return undefined;
  const kind = bodyKindOf(type.mediaType);
  return kind === 'bytes' || isUtf8Type(type) ? kind : undefined;
}

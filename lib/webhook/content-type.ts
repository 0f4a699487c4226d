/** What a body is by its content type: JSON is checked and read, a form is read, anything else is bytes. */
export type BodyKind = 'json' | 'form' | 'bytes';

/** A media type as a source declares it, in lower case and without parameters; `*` + `/*` takes any. */
export const MEDIA_TYPE = /^(\*\/\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63})$/;
export const ANY_MEDIA_TYPE = '*/*';

/**
 * A content type with its parameters, as RFC 9110 8.3.1 writes them, with at most one blank before each: a laxer reader takes
 * `application/json\ta` for what it is not.
 */
const CONTENT_TYPE =
  /^([a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64})((?:; ?[a-z0-9_-]{1,32}=(?:[a-z0-9!#$&^_.+:'()/=?-]{1,128}|"[ !#-[\]-~]{0,128}"))*)$/i;
/** The one encoding that JSON and forms have (RFC 8259 8.1): a body in another is not the bytes that a reader takes it for. */
const UTF_8 = /^(; ?charset=("utf-8"|utf-8))?$/i;

export function bodyKindOf(mediaType: string): BodyKind {
  if (mediaType === 'application/json' || mediaType.endsWith('+json')) return 'json';
  return mediaType === 'application/x-www-form-urlencoded' ? 'form' : 'bytes';
}

/** What the body is, where its content type is one of those declared; undefined where it is not. */
export function acceptedKind(declared: readonly string[], contentType: string): BodyKind | undefined {
  const [, type, parameters] = CONTENT_TYPE.exec(contentType) ?? [];
  const mediaType = type?.toLowerCase();
  if (mediaType === undefined || !(declared.includes(mediaType) || declared.includes(ANY_MEDIA_TYPE))) return undefined;
  const kind = bodyKindOf(mediaType);
  return kind === 'bytes' || UTF_8.test(parameters ?? '') ? kind : undefined;
}

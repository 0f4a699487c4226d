/** A media type as RFC 9110, 8.3.1 spells it: exact, without blanks where none belong. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"';
const PARAMETER = `[ \\t]*;[ \\t]*(${TOKEN})=(${TOKEN}|${QUOTED})`;
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})((?:${PARAMETER})*)$`);
const PARAMETERS = new RegExp(PARAMETER, 'g');

/** Far longer than any in use. */
const MAX_LENGTH = 256;

export interface ContentType {
  /** `type/subtype`, in lower case. */
  readonly mediaType: string;
  /** In lower case; undefined where none is named. Named twice, it is none that anybody can rely on: ''. */
  readonly charset: string | undefined;
  /** As CloudEvents says it: the subtype is `json` or ends in `+json`. */
  readonly isJson: boolean;
}

/** What nearly every request says. */
const JSON_TYPE: ContentType = { mediaType: 'application/json', charset: undefined, isJson: true };

/** Undefined where it is no media type. */
export function parseContentType(text: string): ContentType | undefined {
  if (text === JSON_TYPE.mediaType) return JSON_TYPE;
  const match = text.length > MAX_LENGTH ? null : MEDIA_TYPE.exec(text);
  if (match === null) return undefined;
  const mediaType = (match[1] ?? '').toLowerCase();
  const charsets = [...(match[2] ?? '').matchAll(PARAMETERS)]
    .filter(([, name]) => name?.toLowerCase() === 'charset')
    .map(([, , value = '']) => value.replaceAll('"', '').toLowerCase());
  return { mediaType, charset: charsets.length > 1 ? '' : charsets[0], isJson: /[/+]json$/.test(mediaType) };
}

/** Whether text under it is UTF-8; where no charset is named, it is. */
export function isUtf8Type({ charset }: ContentType): boolean {
  return charset === undefined || charset === 'utf-8' || charset === 'utf8';
}

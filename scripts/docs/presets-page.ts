import { PRESETS } from '../../lib/webhook/presets.ts';
import type { Locator, Preset } from '../../lib/webhook/presets.ts';
import type { SignatureScheme } from '../../lib/webhook/signature.ts';

/** docs/presets.md: what each preset does, from its row. */
export function presetsPage(): string {
  return `# Presets

How a source's requests are verified, and what is read out of them. This page is written from \`lib/webhook/presets.ts\` (\`npm run docs\`).

## How a request is verified

| preset | how | signed | time |
|---|---|---|---|
${Object.entries(PRESETS)
  .map(([name, preset]) => verification(name, preset))
  .join('\n')}

Over the bytes as they came, in constant time. Up to four secrets count at once, each until it expires. A signature has to be spelt exactly as the provider spells it: no other case, no other base64, nothing cut and nothing
behind it; a header that comes twice is refused. A time of sending may be 300 s away, both ways.
A 401 names a header that is missing, there twice or not in its form, and is the same wherever a secret or a clock was looked at; why stands in the log, in \`visapi_ingest_rejected_total\` and in \`visapi rejected show\`.

\`generic\` is an HMAC that the source describes: the header, \`sha256\`, \`sha512\` or \`sha1\`, \`hex\`, \`base64\` or \`base64url\`, the prefix before the signature, and what is signed: \`{body}\`, \`{timestamp}\`,
\`{header:<name>}\` and text, as in \`{timestamp}.{body}\`. The body has to be in it, and a time too where the source names a header for it. Bearer, basic and API key send the secret itself: whoever sees one request can send others, so
prefer a signature where the sender can make one.

## What is read

| preset | id | type | key | when it happened | content types | answer |
|---|---|---|---|---|---|---|
${Object.entries(PRESETS)
  .map(([name, preset]) => mapping(name, preset))
  .join('\n')}

A name with a colon is a header; anything else is a path into the body. A source may say otherwise where its id, type and key are, and, where the table leaves it to the source, which content types it sends.

- **Id.** It makes a repeated delivery a duplicate. In a header it has to be 1 to 128 letters, digits, \`_\` and \`-\` (else 400: a dot would make a signature ambiguous). In a body it may be anything: all of it makes the event's
  identity, a number as it is written. Without one every delivery is an event of its own.
- **Key.** Events of one key stay in order. Without one an event is its own key.
- **JSON** (\`application/json\` and \`...+json\`, in UTF-8) is checked byte by byte and not built: any depth, any number of names, a name twice (the last one counts), \`__proto__\`, \`\\u0000\`, halves of surrogate pairs and \`1e400\` are
  taken and kept as they came. What is no JSON is 400 with the byte from which on it is none.
- **Forms** (\`application/x-www-form-urlencoded\`): a path begins with a field, and leads on into it where its value is JSON, as \`payload.channel.id\`.
- **Other declared types** (\`text/plain\`, \`application/xml\`, \`*/*\`) are kept as bytes; id, type and key come from headers.
- An undeclared content type, another text encoding than UTF-8 and any \`content-encoding\` are 415: nothing is unpacked.
- **Slack's** \`url_verification\` is answered with its challenge after it is verified, and is no event.
`;
}

function verification(name: string, { scheme }: Preset): string {
  if (scheme === null) {
    const how = name === 'generic' ? 'an HMAC that the source describes' : "the secret in a header of the source's choice (`x-api-key:`)";
    return row(name, how, name === 'generic' ? 'as the source says' : '', name === 'generic' ? 'as the source says' : '');
  }
  if (scheme.kind === 'credential') {
    const what =
      scheme.form === 'basic' ? '`Basic`, the secret is `user:password` (RFC 7617)' : '`Bearer`, the secret is the token (RFC 6750)';
    return row(name, `\`${scheme.header}:\` ${what}`, '', '');
  }
  const { header, prefix, algorithm, encoding, key } = scheme;
  const list = scheme.separator === null ? '' : ', several in a list';
  const secret = key === 'whsec' ? 'the secret is `whsec_` and base64' : 'the secret is its text';
  return row(
    name,
    `\`${header}: ${prefix}…\` HMAC-${algorithm.toUpperCase()} in ${encoding}${list}; ${secret}`,
    `\`${signed(scheme)}\``,
    time(scheme),
  );
}

function signed({ signed: parts }: SignatureScheme): string {
  return parts.map((part) => (typeof part === 'string' ? `{${part}}` : 'text' in part ? part.text : `{${part.header}}`)).join('');
}

function time({ timestamp, toleranceSeconds }: SignatureScheme): string {
  if (timestamp === null) return 'none: a repeated one is known by its id';
  return 'header' in timestamp
    ? `\`${timestamp.header}:\`, ${toleranceSeconds} s`
    : `\`${timestamp.entry}\` in the same header, ${toleranceSeconds} s`;
}

function mapping(name: string, preset: Preset): string {
  const { id, type, key, time: when, contentTypes, accepted } = preset;
  const first = (locators: readonly Locator[]) => locators.map(place).join(', else ');
  return row(
    name,
    id === null ? 'as the source says' : place(id),
    type.map((parts) => parts.map(place).join(' and ')).join(', else '),
    key.length === 0 ? 'as the source says' : first(key),
    when === null ? '' : place(when),
    contentTypes.mayDiffer ? 'as the source says; `application/json`' : contentTypes.are.map((each) => `\`${each}\``).join(', '),
    `${accepted.status}${accepted.body === 'empty' ? ', empty' : ''}`,
  );
}

function place(locator: Locator): string {
  return 'header' in locator ? `\`${locator.header}:\`` : `\`${locator.path}\``;
}

function row(name: string, ...cells: readonly string[]): string {
  return `| \`${name}\` | ${cells.join(' | ')} |`;
}

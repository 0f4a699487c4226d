import type { SignatureScheme, VerifyFailure } from '../../lib/webhook/signature.ts';
import type { Forged } from './forged-request.ts';
import { AT, BODY, genuineHeaders } from './senders.ts';
import type { Sender } from './senders.ts';

/** Every forgery that applies to a sender that signs. */
export function forgedSignatures(sender: Sender, scheme: SignatureScheme): Forged[] {
  const { header, prefix, encoding } = scheme;
  const good = genuineHeaders(sender);
  const value = good[header] ?? '';
  const entry = value.slice(value.indexOf(prefix, scheme.separator === ',' ? value.indexOf(',') : 0));
  const before = value.slice(0, value.length - entry.length);
  const digest = Buffer.from(entry.slice(prefix.length), encoding);
  const spelt = (bytes: Uint8Array) => prefix + Buffer.from(bytes).toString(encoding);
  const all = (name: string, reason: VerifyFailure, headers: Record<string, string>, body: Uint8Array = BODY): Forged => ({
    name,
    reason,
    headers: Object.entries(headers),
    body,
  });
  const signature = (name: string, reason: VerifyFailure, text: string) => all(name, reason, { ...good, [header]: before + text });
  const text = entry.slice(prefix.length);
  const { [header]: _, ...unsigned } = good;
  const flipped = Uint8Array.from(BODY, (byte, index) => (index === 20 ? byte ^ 1 : byte));
  const zeros = spelt(new Uint8Array(digest.length));
  return [
    all('no signature', 'no_signature', unsigned),
    all('an empty one', 'no_signature', { ...good, [header]: '' }),
    signature('its prefix alone', prefix === '' && before === '' ? 'no_signature' : 'malformed_signature', prefix),
    signature('its first half', 'malformed_signature', prefix + text.slice(0, text.length / 2)),
    signature('all but its last character', 'malformed_signature', entry.slice(0, -1)),
    signature('something behind it', 'malformed_signature', `${entry}00`),
    signature('a byte behind it', 'malformed_signature', spelt(Buffer.concat([digest, Buffer.of(0)]))),
    ...(prefix === '' ? [] : [signature('without its prefix', 'malformed_signature', text)]),
    ...['v0,', 'v1a,', 'v0=', 'v2=', 'sha1=', 'sha512=']
      .filter((other) => other !== prefix)
      .map((other) => signature(`under ${other}`, 'malformed_signature', other + text)),
    signature('upper case', 'malformed_signature', prefix + (encoding === 'hex' ? text.toUpperCase() : `${text.toUpperCase()}*`)),
    ...(['hex', 'base64', 'base64url'] as const)
      .filter((other) => other !== encoding && digest.toString(other) !== text)
      .map((other) =>
        signature(`in ${other}`, 'malformed_signature', prefix + (other === 'base64url' ? `-_${text.slice(2)}` : digest.toString(other))),
      ),
    signature('all zeros', 'wrong_signature', zeros),
    signature('one bit changed', 'wrong_signature', spelt(Uint8Array.from(digest, (byte, index) => (index === 0 ? byte ^ 1 : byte)))),
    { ...all('sent twice', 'duplicate_header', good), headers: [...Object.entries(good), [header.toUpperCase(), value]] },
    { ...all('sent twice, one forged', 'duplicate_header', good), headers: [[header, before + zeros], ...Object.entries(good)] },
    all("another source's", 'wrong_signature', genuineHeaders(sender, { secret: sender.otherSecret })),
    all('a byte of the body changed', 'wrong_signature', good, flipped),
    all('the body written anew', 'wrong_signature', good, Buffer.from(JSON.stringify(JSON.parse(BODY.toString())))),
    all('a line break behind the body', 'wrong_signature', good, Buffer.concat([BODY, Buffer.from('\n')])),
    all('an empty body', 'wrong_signature', good, new Uint8Array()),
    ...crowds(scheme, before, entry, zeros).map(({ name, list, reason, refusedBefore }) => ({
      ...all(name, reason, { ...good, [header]: list }),
      ...(refusedBefore === undefined ? {} : { refusedBefore }),
    })),
    ...forgedTimes(sender, scheme, good),
    ...forgedParts(scheme, good),
  ];
}

function crowds({ separator }: SignatureScheme, before: string, entry: string, zeros: string) {
  const reason: VerifyFailure = separator === null ? 'malformed_signature' : 'too_many_signatures';
  const by = separator ?? ',';
  return [
    { name: 'nine of them, the right one first', list: before + [entry, ...Array.from({ length: 8 }, () => zeros)].join(by), reason },
    {
      name: 'a thousand of them',
      list: before + [...Array.from({ length: 999 }, () => zeros), entry].join(by),
      reason,
      refusedBefore: 431 as const,
    },
  ];
}

/** Times that are signed rightly and are wrong. */
function forgedTimes(sender: Sender, { timestamp, header }: SignatureScheme, good: Record<string, string>): Forged[] {
  if (timestamp === null) return [];
  const at = (time: string, reason: VerifyFailure): Forged => ({
    name: `the time ${time}`,
    reason,
    headers: Object.entries(genuineHeaders(sender, { timestamp: time })),
    body: BODY,
  });
  const inHeader = 'header' in timestamp ? timestamp.header : undefined;
  const value = good[header] ?? '';
  const { [inHeader ?? '']: _, ...timeless } = good;
  return [
    at(String(AT - 301), 'too_old'),
    at(String(AT + 301), 'in_the_future'),
    at('1', 'too_old'),
    at('999999999999', 'in_the_future'),
    ...['abc', '1e10', `-${AT}`, `+${AT}`, `${AT}abc`, `${AT}.5`, `0${AT}`, '0x6553f100', `${AT}${AT}`, '0'].map((time) =>
      at(time, 'malformed_timestamp'),
    ),
    ...(inHeader === undefined
      ? [
          {
            name: 'no time',
            reason: 'malformed_timestamp' as const,
            headers: [[header, value.replace(/^t=\d+,/, '')]] as const,
            body: BODY,
          },
          { name: 'two times', reason: 'malformed_timestamp' as const, headers: [[header, `t=1,${value}`]] as const, body: BODY },
          {
            name: 'the time changed',
            reason: 'wrong_signature' as const,
            headers: [[header, value.replace(String(AT), String(AT - 1))]] as const,
            body: BODY,
          },
        ]
      : [
          { name: 'no time', reason: 'missing_header' as const, headers: Object.entries(timeless), body: BODY },
          { name: 'an empty time', reason: 'missing_header' as const, headers: Object.entries({ ...good, [inHeader]: '' }), body: BODY },
          {
            name: 'two times',
            reason: 'duplicate_header' as const,
            headers: [...Object.entries(good), [inHeader, String(AT)]] as const,
            body: BODY,
          },
          {
            name: 'the time changed',
            reason: 'wrong_signature' as const,
            headers: Object.entries({ ...good, [inHeader]: String(AT - 1) }),
            body: BODY,
          },
        ]),
  ];
}

/** Other headers that are signed. */
function forgedParts({ signed }: SignatureScheme, good: Record<string, string>): Forged[] {
  return signed.flatMap((part): Forged[] => {
    if (typeof part === 'string' || !('header' in part)) return [];
    const { [part.header]: value = '', ...others } = good;
    return [
      {
        name: `${part.header} changed`,
        reason: 'wrong_signature',
        headers: Object.entries({ ...good, [part.header]: `${value}0` }),
        body: BODY,
      },
      { name: `no ${part.header}`, reason: 'missing_header', headers: Object.entries(others), body: BODY },
      {
        name: `${part.header} sent twice`,
        reason: 'duplicate_header',
        headers: [...Object.entries(good), [part.header, value]],
        body: BODY,
      },
    ];
  });
}

import type { CredentialScheme } from '../../lib/webhook/credential.ts';
import type { VerifyFailure } from '../../lib/webhook/signature.ts';
import type { Forged } from './forged-request.ts';
import { BODY } from './senders.ts';
import type { Sender } from './senders.ts';

/** Every forgery that applies to a sender that sends its secret. */
export function forgedCredentials({ secret, otherSecret }: Sender, { form, header }: CredentialScheme): Forged[] {
  const forged = (name: string, reason: VerifyFailure, ...values: string[]): Forged => ({
    name,
    reason,
    headers: values.map((value) => [header, value] as const),
    body: BODY,
  });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const write = (text: string) => (form === 'plain' ? text : form === 'bearer' ? `Bearer ${text}` : `Basic ${base64(text)}`);
  const good = write(secret);
  // The edge refuses a second `Authorization` before anybody is asked.
  const twice = header === 'authorization' ? { refusedBefore: 400 as const } : {};
  const any = [
    forged('no credential', 'no_credential'),
    forged('an empty one', 'no_credential', ''),
    forged("another source's", 'wrong_credential', write(otherSecret)),
    forged('its beginning', 'wrong_credential', write(form === 'basic' ? secret.slice(0, -1) : secret.slice(0, 3))),
    forged('something behind it', 'wrong_credential', write(form === 'bearer' ? `x${secret}` : `${secret}x`)),
    forged('other case', 'wrong_credential', write(secret.toUpperCase())),
    { ...forged('sent twice', 'duplicate_header', good, good), ...twice },
    { ...forged('sent twice, one forged', 'duplicate_header', write(otherSecret), good), ...twice },
  ];
  if (form === 'plain')
    return [
      ...any,
      forged('two in one', 'wrong_credential', `${good}, ${good}`),
      forged('in quotes', 'wrong_credential', `"${good}"`),
      forged('behind a scheme', 'wrong_credential', `Bearer ${good}`),
      forged('in letters that are no ASCII', 'wrong_credential', good.replace('K', '\xd0\x9a')),
      forged('more blanks inside', 'wrong_credential', good.replace(' ', '  ')),
    ];
  const rest = good.slice(good.indexOf(' ') + 1);
  const scheme = form === 'bearer' ? 'Bearer' : 'Basic';
  const spelt = [
    ['the scheme alone', scheme],
    ['no scheme', rest],
    ['another scheme', `${form === 'bearer' ? 'Basic' : 'Bearer'} ${rest}`],
    ['a scheme that begins alike', `${scheme}X ${rest}`],
    ['two blanks', `${scheme}  ${rest}`],
    ['a tab', `${scheme}\t${rest}`],
    ['a comma', `${scheme} ${rest}, ${scheme} ${rest}`],
    ['in quotes', `${scheme} "${rest}"`],
    ['something behind a blank', `${scheme} ${rest} x`],
    ['letters that are no ASCII', `${scheme} \xff${rest}`],
  ] as const;
  const malformed = spelt.map(([name, value]) => forged(name, 'malformed_credential', value));
  if (form === 'bearer') return [...any, ...malformed, forged('padding inside', 'malformed_credential', 'Bearer abc==def')];
  return [
    ...any,
    ...malformed,
    forged('no colon', 'malformed_credential', write('jürgenpasswörd')),
    forged('the user alone', 'wrong_credential', write('jürgen:')),
    forged('the password alone', 'wrong_credential', write(':pass:wörd')),
    forged('a colon more', 'wrong_credential', write(`${secret}:`)),
    forged('in Latin 1', 'wrong_credential', `Basic ${Buffer.from(secret, 'latin1').toString('base64')}`),
    forged('no padding', 'malformed_credential', `Basic ${base64(`${secret}x`).replace(/=+$/, '')}`),
    forged('base64url', 'malformed_credential', `Basic ${Buffer.from('a:\xff\xff\xff').toString('base64url')}_-`),
    forged('in the clear', 'malformed_credential', `Basic ${secret}`),
  ];
}

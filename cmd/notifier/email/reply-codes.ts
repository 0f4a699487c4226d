import type { SmtpStage } from './smtp-sender.ts';

/**
 * What follows from a server's no:
 * - `retry`: it may pass by itself
 * - `later`: a limit of the provider's is used up, which is no failure of this mail
 * - `refused`: this mail is not accepted, now or later
 * - `gone`: there is no such mailbox
 * - `person`: the mail is fine, and will be sent once a person has mended the access; until then it waits
 */
export type ReplyMeaning = 'retry' | 'later' | 'refused' | 'gone' | 'person';

type Row = readonly [meaning: ReplyMeaning, why: string];

/** By enhanced status code (RFC 3463; the IANA registry "SMTP Enhanced Status Codes"), of permanent replies. The more exact word. */
const ENHANCED: Readonly<Record<string, Row>> = {
  '5.1.1': ['gone', 'there is no such mailbox'],
  '5.1.2': ['gone', 'there is no such mail domain'],
  '5.1.3': ['refused', "the address is not in the server's form"],
  '5.1.6': ['gone', 'the mailbox has moved'],
  '5.1.7': ['person', "the sender's address is not valid: see SMTP_FROM"],
  '5.1.8': ['person', "the sender's domain is not valid: see SMTP_FROM"],
  '5.1.10': ['gone', 'the domain takes no mail (RFC 7505)'],
  '5.2.1': ['gone', 'the mailbox is disabled'],
  '5.2.2': ['refused', 'the mailbox is full, and the server does not expect that to change'],
  '5.2.3': ['refused', 'the mail is larger than the mailbox takes'],
  '5.3.4': ['refused', 'the mail is larger than the server takes'],
  '5.4.5': ['later', "the account's daily limit is used up"],
  '5.7.0': ['person', 'the server asks for a login'],
  '5.7.8': ['person', 'user or password is wrong'],
  '5.7.9': ['person', 'the login needs another mechanism, or an app password'],
  '5.7.11': ['person', 'the login needs TLS'],
  '5.7.14': ['person', 'the account has to be unlocked'],
  '5.7.20': ['person', 'no DKIM signature that the server accepts'],
  '5.7.23': ['person', 'the domain of the sender does not allow this server (SPF)'],
  '5.7.26': ['person', 'the mail is not authenticated as its sender wants it (DMARC)'],
  '5.7.60': ['person', 'the login may not send as this sender: see SMTP_FROM'],
};

/** By reply code (RFC 5321 4.2.3, RFC 4954 6), of permanent ones. */
const CODES: Readonly<Record<number, Row>> = {
  521: ['gone', 'the host takes no mail (RFC 7504)'],
  530: ['person', 'the server asks for a login, or for TLS'],
  534: ['person', 'the login needs another mechanism, or an app password'],
  535: ['person', 'user or password is wrong'],
  538: ['person', 'the login needs TLS'],
  552: ['refused', 'the mail is larger than the server takes'],
  556: ['gone', 'the domain takes no mail (RFC 7504)'],
};

/** A no to the connection or to the sender is about this installation, and every mail would meet it. */
const OURS: Readonly<Partial<Record<SmtpStage, Row>>> = {
  connect: ['person', 'the server does not serve this address'],
  tls: ['person', 'the server has no TLS'],
  auth: ['person', 'the login was refused'],
  from: ['person', 'the sender was refused: see SMTP_FROM'],
};

/** What a reply from 400 to 599 means, at the stage at which it came. */
export function meaningOfReply(stage: SmtpStage, code: number, response: string): Row {
  if (code < 500) return ['retry', code === 421 ? 'the server closes the connection' : 'the server asks to try again'];
  const enhanced = /^\d{3}[ -](5\.\d{1,3}\.\d{1,3})(?!\S)/.exec(response)?.[1];
  const exact = enhanced !== undefined && Object.hasOwn(ENHANCED, enhanced) ? ENHANCED[enhanced] : undefined;
  // 503: a command at the wrong moment, which another connection mends.
  return (
    exact ??
    CODES[code] ??
    OURS[stage] ??
    (code === 503 ? ['retry', 'the session went wrong'] : ['refused', 'the server refuses it for good'])
  );
}

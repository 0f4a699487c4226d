import type { Email, Header } from 'postal-mime';

/** A server's no. */
export interface MailRefusal {
  readonly code: number;
  readonly text: string;
}

/** RFC 5321 4.5.3.1.6 and RFC 5322 2.1.1. Octets without the line's end. */
const MAX_LINE = 998;
/** RFC 5322 3.6: those that a mail has to have, and those that it may have once. */
const NEEDED = ['from', 'date', 'message-id'];
const ONCE = [...NEEDED, 'to', 'cc', 'bcc', 'subject', 'reply-to', 'sender', 'mime-version', 'content-type', 'content-transfer-encoding'];

/** RFC 5322 3.3, without comments. */
const DATE = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})? (?:[+-]\d{4}|GMT|UT)$/;

/** What a server looks at in the bytes of a mail, before it reads them. */
export function checkBytes(raw: Buffer, isEightBit: boolean): MailRefusal | undefined {
  const text = raw.toString('latin1');
  if (text.includes('\0')) return refusal(554, '5.6.0 a zero byte');
  if (/\r(?!\n)|(?<!\r)\n/.test(text)) return refusal(554, '5.6.0 a line break that is not CRLF');
  if (text.split('\r\n').some((line) => line.length > MAX_LINE)) return refusal(554, `5.6.0 a line of more than ${MAX_LINE} octets`);
  const head = text.slice(0, text.indexOf('\r\n\r\n') + 1);
  if (/[\x80-\xff]/.test(head)) return refusal(554, '5.6.7 a header that is not ASCII (no SMTPUTF8 here)');
  if (!isEightBit && /[\x80-\xff]/.test(text)) return refusal(554, '5.6.3 eight bits without BODY=8BITMIME');
  return undefined;
}

/** What large mailbox providers refuse a mail for once they have read it. */
export function checkHeaders({ headers, from }: Email, envelopeFrom: string): MailRefusal | undefined {
  const count = (name: string): number => headers.filter(({ key }) => key === name).length;
  const missing = NEEDED.find((name) => count(name) === 0);
  if (missing !== undefined) return refusal(550, `5.7.1 no ${missing} header`);
  const twice = ONCE.find((name) => count(name) > 1);
  if (twice !== undefined) return refusal(550, `5.7.1 more than one ${twice} header`);
  if (!/^<[^\s<>@]+@[^\s<>@]+>$/.test(valueOf(headers, 'message-id'))) return refusal(550, '5.7.1 a message-id that is none');
  if (!DATE.test(valueOf(headers, 'date'))) return refusal(550, '5.7.1 a date that is none');
  if (from?.address === undefined) return refusal(550, '5.7.1 a from header without one address');
  if (from.address.toLowerCase() !== envelopeFrom.toLowerCase())
    return refusal(550, `5.7.60 from ${from.address}, sent as ${envelopeFrom}`);
  return undefined;
}

function valueOf(headers: readonly Header[], name: string): string {
  return headers.find(({ key }) => key === name)?.value.trim() ?? '';
}

function refusal(code: number, text: string): MailRefusal {
  return { code, text };
}

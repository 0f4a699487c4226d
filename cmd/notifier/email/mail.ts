import MailComposer from 'nodemailer/lib/mail-composer';
import { htmlToPlainText } from './plain-text.ts';
import type { EmailCommand } from './command.ts';
import type { Sender } from './sender.ts';

export interface MailAttachment {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer;
}

/** A mail as it is sent: its bytes (RFC 5322, 7 bits wide) and what the server is told beside them. */
export interface Mail {
  readonly raw: Buffer;
  readonly messageId: string;
  readonly from: string;
  readonly to: string;
}

export interface MailParts {
  readonly command: EmailCommand;
  readonly sender: Sender;
  readonly attachments: readonly MailAttachment[];
  /** 64 hex digits, the same for every try: it is the message's id, so that two copies are seen to be one. */
  readonly idempotencyKey: string;
  readonly date: Date;
}

/** Puts a mail together. Files and addresses of the network in it are never opened. */
export async function composeMail({ command, sender, attachments, idempotencyKey, date }: MailParts): Promise<Mail> {
  const { to, subject, html } = command;
  const messageId = messageIdOf(idempotencyKey, sender);
  const composer = new MailComposer({
    from: { name: sender.name, address: sender.address },
    to: { name: command['to-name'] ?? '', address: to },
    ...(command['reply-to'] === undefined ? {} : { replyTo: { name: '', address: command['reply-to'] } }),
    subject,
    // Whoever reads without HTML, or has it read out, has the same mail.
    text: command.text ?? htmlToPlainText(html ?? ''),
    ...(html === undefined ? {} : { html }),
    attachments: attachments.map(({ filename, contentType, content }) => ({ filename, contentType, content })),
    messageId,
    date,
    // A machine's answer to a machine's mail begins a loop (RFC 3834, 5).
    headers: { 'Auto-Submitted': 'auto-generated' },
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { raw: await composer.compile().build(), messageId, from: sender.address, to };
}

/** Half of the key's digits are enough to be unique. The domain is ours, as RFC 5322 3.6.4 wants it. */
export function messageIdOf(idempotencyKey: string, sender: Sender): string {
  return `<${idempotencyKey.slice(0, 32)}@${sender.address.slice(sender.address.lastIndexOf('@') + 1)}>`;
}

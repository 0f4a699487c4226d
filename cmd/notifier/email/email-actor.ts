import { type ActorDefinition, defineActor, EffectFailed } from '../../../lib/actor/define-actor.ts';
import { exponential } from '../../../lib/actor/retry-policy.ts';
import { done, reject, retry, type Verdict } from '../../../lib/actor/verdict.ts';
import { parseEmailAddress } from '../../../lib/core/email-address.ts';
import type { ObjectStore } from '../../../lib/jetstream/object-store.ts';
import { EMAIL_LANES } from '../../../streams/actors.ts';
import { stepFailed, stepSucceeded } from '../../../streams/step-result.ts';
import { diversionOf } from '../diversion.ts';
import { classifySmtpResult, waitForPerson, type EmailOutcome } from './classify.ts';
import { type EmailCommand, readEmailCommand } from './command.ts';
import { composeMail, type Mail, type MailAttachment } from './mail.ts';
import type { Sender } from './sender.ts';
import type { SmtpSender } from './smtp-sender.ts';

export interface EmailAccount {
  readonly smtp: SmtpSender;
  readonly sender: Sender;
}

export interface EmailActorOptions {
  /** Undefined: no server is configured, and e-mails wait until one is. */
  readonly account: EmailAccount | undefined;
  readonly documents: Pick<ObjectStore, 'get' | 'info'>;
  /** Tries at most, and the longest wait after the first. (Default: 12 and 30,000 ms) */
  readonly retry?: { readonly attempts: number; readonly baseMs: number };
  /** Wall clock, milliseconds since the epoch. (Default: the system's) */
  readonly now?: () => number;
  /** Told of every try. */
  readonly onTry?: (outcome: EmailOutcome, seconds: number) => void;
}

/** What a step that sent an e-mail has as its output. */
export interface EmailOutput {
  readonly to: string;
  /** With its angle brackets; the same over all tries. */
  readonly messageId: string;
  /** What the server said: there most have their own number of the mail. */
  readonly response: string;
  /** It is with the server; whether it arrives is not known here. */
  readonly status: 'sent';
}

/** A greylisting server takes a mail after 5 to 15 minutes; a longer wait would only make late what is possible again. */
const MAX_RETRY_MS = 1_800_000;
/** In a mail they are a third larger, and servers take 25 MB and more. Bytes. */
const MAX_ATTACHED_BYTES = 15_000_000;
/** Providers allow some ten connections at once; each mail has one of its own. */
const CONNECTIONS = 8;

/** It was certainly not sent; the verdict says what follows. */
class EmailFailed extends EffectFailed {
  readonly verdict: Verdict;
  constructor(verdict: Verdict, options?: ErrorOptions) {
    super(verdict.kind === 'done' ? 'failed' : verdict.because, options);
    this.verdict = verdict;
  }
}

/** Sends one e-mail per command, behind a claim in the ledger, and tells the command's run what came of it. */
export function createEmailActor(options: EmailActorOptions): ActorDefinition<EmailCommand> {
  const { account, documents, now = Date.now, onTry } = options;
  return defineActor<EmailCommand>({
    ...EMAIL_LANES,
    start: 'beginning',
    slots: CONNECTIONS,
    input: (message) => {
      const command = readEmailCommand(message);
      const diversion = diversionOf(message, parseEmailAddress);
      return diversion.kind === 'to' ? { ...command, to: diversion.target } : command;
    },
    // The recipient refines the event's key: a mailbox that fails holds up no other of the same customer.
    key: (command, message) => [command.to, message.key],
    retry: exponential({ attempts: 12, baseMs: 30_000, ...options.retry, maxMs: MAX_RETRY_MS }),
    // Above the 60 s that a mail may take at most, so that the sender says how it ended and not this limit.
    timeoutMs: 75_000,
    onDead: stepFailed,

    async receive(command, context) {
      const diversion = diversionOf(context.message, parseEmailAddress);
      if (diversion.kind === 'nowhere') return reject('refused', `diverted to ${diversion.targets}, none of which is an e-mail address`);
      if (account === undefined) return waitForPerson(now(), 'no mail server is configured, see SMTP_URL');
      try {
        const output = await context.effect('send', ({ idempotencyKey, signal }) => send(account, command, idempotencyKey, signal), {
          onUnknown: command.onUnknown,
        });
        for (const result of stepSucceeded(context.message, output)) context.emit(result);
        return done();
      } catch (error) {
        if (error instanceof EmailFailed) return error.verdict;
        throw error;
      }
    },
  });

  async function send(account: EmailAccount, command: EmailCommand, idempotencyKey: string, signal: AbortSignal): Promise<EmailOutput> {
    const mail = await prepare(account, command, idempotencyKey);
    const startedAt = performance.now();
    const outcome = classifySmtpResult(await account.smtp.send(mail, signal), now());
    onTry?.(outcome, (performance.now() - startedAt) / 1_000);
    switch (outcome.kind) {
      case 'sent':
        return { to: mail.to, messageId: mail.messageId, response: outcome.response, status: 'sent' };
      case 'failed':
        throw new EmailFailed(outcome.verdict);
      case 'unknown':
        throw new Error(`nobody knows whether it was sent: ${outcome.because}`);
    }
  }

  /** Whatever fails here, nothing has been sent. */
  async function prepare({ sender }: EmailAccount, command: EmailCommand, idempotencyKey: string): Promise<Mail> {
    try {
      const attachments = await readAttachments(documents, command.attachments);
      return await composeMail({ command, sender, attachments, idempotencyKey, date: new Date(now()) });
    } catch (error) {
      if (error instanceof EmailFailed) throw error;
      throw new EmailFailed(retry({ because: error instanceof Error ? error.message : String(error) }), { cause: error });
    }
  }
}

async function readAttachments(documents: EmailActorOptions['documents'], named: EmailCommand['attachments']): Promise<MailAttachment[]> {
  const attachments: MailAttachment[] = [];
  let bytes = 0;
  for (const [index, { document, filename }] of named.entries()) {
    const place = `attachments[${index}]`;
    const known = await documents.info(document);
    bytes += known?.bytes ?? 0;
    if (bytes > MAX_ATTACHED_BYTES)
      throw new EmailFailed(reject('refused', `${place}: expected at most ${MAX_ATTACHED_BYTES} bytes together, got ${bytes}`));
    const stored = known === undefined ? undefined : await documents.get(document);
    if (stored === undefined) throw new EmailFailed(reject('gone', `${place}: there is no such document any more`, { document }));
    attachments.push({ filename, contentType: stored.contentType, content: stored.content });
  }
  return attachments;
}

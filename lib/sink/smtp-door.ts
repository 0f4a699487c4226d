import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import PostalMime from 'postal-mime';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import { parseEmailAddress } from '../core/email-address.ts';
import type { Arrivals, SinkAttempt } from './arrivals.ts';
import type { BehaviourAnswer, BehaviourQueue, Matchable } from './behaviour.ts';
import type { MailAccount } from './mail-account.ts';
import { checkBytes, checkHeaders, type MailRefusal } from './mail-checks.ts';
import type { Mailbox } from './mailbox.ts';

export interface SmtpDoor {
  /** `smtp://host:port` */
  readonly url: string;
  /** Cuts open connections. */
  stop(): Promise<void>;
}

export interface SmtpDoorOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly account: MailAccount;
  readonly arrivals: Arrivals;
  readonly mailbox: Mailbox;
  readonly behaviours: BehaviourQueue;
}

/** What most servers take. Bytes. */
const MAX_MAIL_BYTES = 26_214_400;
/** At every domain this mailbox is missing, as #archived is in the local Slack. */
const MISSING_MAILBOX = 'nobody';

type Stage = NonNullable<Matchable['stage']>;
/** Answers a command: with nothing where it is taken. */
type Answer = (error?: Error | null, text?: string) => void;

/** Starts the mail server of the local peer: a submission server (RFC 6409) with one account, no TLS, and no way to the outside. */
export async function startSmtpDoor(options: SmtpDoorOptions): Promise<SmtpDoor> {
  const { host, port, account, arrivals, mailbox, behaviours } = options;
  const sockets = new Map<number, Socket>();

  const server = new SMTPServer({
    name: 'sink.localhost',
    banner: 'VisAPI sink, nothing leaves it',
    size: MAX_MAIL_BYTES,
    rejectOversized: true,
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    hideSMTPUTF8: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    logger: false,
    onConnect: (session, answer) => atStage('connect', session, [], answer, () => answer()),
    onAuth: ({ username, password }, session, answer) =>
      atStage('auth', session, [], answer, () => {
        const isRight = username === account.user && password === account.password;
        answer(isRight ? null : smtpError(535, '5.7.8 user or password is wrong'), isRight ? { user: username } : undefined);
      }),
    onMailFrom: ({ address }, session, answer) =>
      atStage('from', session, [], answer, () =>
        answer(parseEmailAddress(address) === undefined ? smtpError(553, '5.1.7 a sender that is no address') : null),
      ),
    onRcptTo: ({ address }, session, answer) => atStage('to', session, [address], answer, () => answer(judgeRecipient(address))),
    onData(stream, session, answer) {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      if (behaviours.takeBeforeRead({ channel: to, text: undefined, stage: 'data' }) !== undefined) {
        note(session, 'behaviour', null, 'before-read');
        return cut(session);
      }
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => void takeMail(stream.sizeExceeded ? Buffer.alloc(0) : Buffer.concat(chunks), session, answer));
    },
  });
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    const { remotePort = 0 } = socket;
    sockets.set(remotePort, socket);
    socket.once('close', () => sockets.delete(remotePort));
  });

  function atStage(
    stage: Stage,
    session: SMTPServerSession,
    channel: string[],
    answer: (error: Error) => void,
    otherwise: () => void,
  ): void {
    const told = behaviours.take({ channel, text: undefined, stage });
    if (told === undefined) return otherwise();
    void obey(told, session, answer, otherwise);
  }

  /** Does what a behaviour says before the mail itself is there. */
  async function obey(
    told: BehaviourAnswer,
    session: SMTPServerSession,
    answer: (error: Error) => void,
    otherwise: () => void,
  ): Promise<void> {
    if (told.delayMs !== undefined) await wait(told.delayMs);
    const error = answerAsTold(told);
    if (told.hangUp === undefined && error === undefined) return otherwise();
    note(session, 'behaviour', error?.responseCode ?? null, error?.message ?? told.hangUp ?? null);
    if (error === undefined) return cut(session);
    answer(error);
  }

  async function takeMail(raw: Buffer, session: SMTPServerSession, answer: Answer): Promise<void> {
    const { envelope } = session;
    const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
    const to = envelope.rcptTo.map(({ address }) => address);
    // An oversized mail is answered by the server itself.
    if (raw.length === 0) return answer();
    const mail = await PostalMime.parse(raw);
    const subject = mail.subject ?? '';
    const told = behaviours.take({ channel: to, text: `${subject}\n${mail.text ?? ''}\n${mail.html ?? ''}`, stage: 'data' });
    const error = told === undefined ? undefined : answerAsTold(told);
    if (error !== undefined) {
      note(session, 'behaviour', error.responseCode, error.message, subject);
      if (told?.delayMs !== undefined) await wait(told.delayMs);
      return answer(error);
    }
    const refusal: MailRefusal | undefined = checkBytes(raw, envelope.bodyType === '8bitmime') ?? checkHeaders(mail, from);
    if (refusal !== undefined) {
      note(session, 'refused', refusal.code, refusal.text, subject);
      return answer(smtpError(refusal.code, refusal.text));
    }
    const [stored] = to.map((recipient) => mailbox.add(raw, mail, { from, to: recipient }));
    note(session, 'arrived', told?.hangUp === undefined ? 250 : null, told?.hangUp ?? null, subject);
    if (told?.delayMs !== undefined) await wait(told.delayMs);
    if (told?.hangUp !== undefined) return cut(session, told.hangUp === 'half-answer' ? '25' : '');
    answer(null, `OK: queued as ${stored?.id ?? ''}`);
  }

  function note(
    session: SMTPServerSession,
    outcome: SinkAttempt['outcome'],
    status: number | null,
    because: string | null,
    text: string | null = null,
  ): void {
    const channel = session.envelope?.rcptTo?.[0]?.address ?? null;
    arrivals.addAttempt({ at: new Date().toISOString(), via: 'smtp', channel, idempotencyKey: null, text, status, outcome, because });
  }

  /** Breaks the connection off, with a reset. */
  function cut({ remotePort }: SMTPServerSession, first = ''): void {
    const socket = sockets.get(remotePort);
    if (first === '') socket?.resetAndDestroy();
    else socket?.write(first, () => socket.resetAndDestroy());
  }

  function judgeRecipient(address: string): Error | null {
    if (parseEmailAddress(address) === undefined) return smtpError(553, '5.1.3 a recipient that is no address');
    return address.startsWith(`${MISSING_MAILBOX}@`) ? smtpError(550, '5.1.1 no such mailbox here') : null;
  }

  const listener = server.listen(port, host);
  await once(listener, 'listening');
  const { port: actual } = listener.address() as AddressInfo;
  return {
    url: `smtp://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    async stop() {
      for (const socket of sockets.values()) socket.destroy();
      if (listener.listening) await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}

/** What a behaviour answers; undefined where the server answers (late, or not to the end). */
function answerAsTold(told: BehaviourAnswer): (Error & { responseCode: number }) | undefined {
  if (told.hangUp !== undefined || (told.status === undefined && told.body === undefined && told.retryAfter === undefined))
    return undefined;
  const text = told.body === undefined ? 'told to' : typeof told.body === 'string' ? told.body : JSON.stringify(told.body);
  return smtpError(told.status ?? 451, text);
}

function smtpError(responseCode: number, text: string): Error & { responseCode: number } {
  return Object.assign(new Error(text), { responseCode });
}

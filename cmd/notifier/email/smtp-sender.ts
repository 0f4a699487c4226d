import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { NodemailerError } from 'nodemailer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Dial } from '../../../lib/egress/dial.ts';
import type { Mail } from './mail.ts';
import type { SmtpServer } from './smtp-server.ts';

/**
 * How one try ended, by what may have become of the mail:
 * - `sent`: the server has taken it, and answers for it from now on (RFC 5321 4.2.5)
 * - `answer`: the server said no, with a code, to something. It has not taken it
 * - `not-sent`: the mail's end was not written, so no server can have taken it (RFC 5321 4.1.1.4). `refused`: a rule of ours. `tls`:
 *   the server has none, or not for this name
 * - `unknown`: all of it was written and no whole answer came
 */
export type SmtpResult =
  | { readonly kind: 'sent'; readonly response: string }
  | { readonly kind: 'answer'; readonly stage: SmtpStage; readonly code: number; readonly response: string }
  | { readonly kind: 'not-sent'; readonly code: 'refused' | 'unreachable' | 'tls'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** What the server answered to. */
export type SmtpStage = 'connect' | 'tls' | 'auth' | 'from' | 'to' | 'data';

export interface SmtpSender {
  /** Never rejects: every ending is a result. One connection per mail. */
  send(mail: Mail, signal: AbortSignal): Promise<SmtpResult>;
}

export interface SmtpSenderOptions {
  readonly server: SmtpServer;
  readonly dial: Dial;
  /** From the connection to the server's readiness, TLS included. (Default: 15,000 ms) */
  readonly setUpMs?: number;
  /** For all of one mail; a server may look through it before it answers. (Default: 60,000 ms) */
  readonly totalMs?: number;
  /** Certificate authorities instead of the system's, PEM. */
  readonly ca?: string;
}

/** How long a server may take for its farewell. */
const QUIT_MS = 1_000;

/** Builds a sender; no I/O yet. */
export function createSmtpSender(options: SmtpSenderOptions): SmtpSender {
  const { server, dial, setUpMs = 15_000, totalMs = 60_000, ca } = options;
  const { host, port, tls, login } = server;

  function open(socket: Socket): SMTPConnection {
    return new SMTPConnection({
      host,
      port,
      connection: socket,
      secure: tls === 'at-once',
      requireTLS: tls === 'starttls',
      ignoreTLS: tls === 'none',
      tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
      connectionTimeout: setUpMs,
      greetingTimeout: setUpMs,
      // The abort below is first.
      socketTimeout: totalMs + 1_000,
    });
  }

  return {
    async send(mail, caller) {
      const signal = AbortSignal.any([caller, AbortSignal.timeout(totalMs)]);
      const dialled = await dial({ host, port }, signal);
      if (dialled.kind !== 'connected') return { kind: 'not-sent', code: dialled.kind, because: dialled.because };
      const connection = open(dialled.socket);
      const body = oneMail(mail.raw);
      try {
        const response = await new Promise<string>((resolve, reject) => {
          connection.on('error', reject);
          signal.addEventListener('abort', () => reject(new Error('given up')), { once: true });
          converse(connection, login, mail, body.stream).then(resolve, reject);
        });
        connection.quit();
        return { kind: 'sent', response };
      } catch (error) {
        connection.close();
        return resultOf(error as NodemailerError, body.isWhole());
      } finally {
        body.stream.destroy();
        endSoon(dialled.socket);
      }
    },
  };
}

async function converse(connection: SMTPConnection, login: SmtpServer['login'], mail: Mail, body: Readable): Promise<string> {
  await call((done) => connection.connect(done));
  if (login !== undefined)
    await call((done) => connection.login({ user: login.user, credentials: { user: login.user, pass: login.password.reveal() } }, done));
  const envelope = { from: mail.from, to: [mail.to], size: mail.raw.length };
  const { response } = await call<{ response: string }>((done) => connection.send(envelope, body, done));
  return response;
}

async function call<Result>(run: (done: (error?: Error | null, result?: Result) => void) => void): Promise<Result> {
  return await new Promise((resolve, reject) => run((error, result) => (error ? reject(error) : resolve(result as Result))));
}

/** A mail that says whether it has been handed over: that is done in one piece, and from then on its end may have been written. */
function oneMail(raw: Buffer): { readonly stream: Readable; isWhole(): boolean } {
  let isWhole = false;
  const stream = new Readable({
    // The connection begins to read when the server has asked for the mail, and not before.
    read() {
      isWhole = true;
      this.push(raw);
      this.push(null);
    },
  });
  return { stream, isWhole: () => isWhole };
}

function resultOf(error: NodemailerError, isWhole: boolean): SmtpResult {
  const { code, command, responseCode, response = '' } = error;
  if (typeof responseCode === 'number' && responseCode >= 400 && responseCode < 600)
    return { kind: 'answer', stage: stageOf(command), code: responseCode, response };
  const because = `${code ?? error.name}: ${error.message}`;
  if (isWhole) return { kind: 'unknown', because };
  // The server has said how much it takes, and the mail is not offered to it.
  if (code === 'EMESSAGE') return { kind: 'answer', stage: 'from', code: 552, response: because };
  return { kind: 'not-sent', code: isAboutTls(error) ? 'tls' : 'unreachable', because };
}

/** The server speaks no TLS, or shows a certificate that is not its own. A handshake that was cut off may go well the next time. */
function isAboutTls({ originalCode = '' }: NodemailerError): boolean {
  return /^ERR_(TLS|SSL)|CERT|^UNABLE_TO/.test(originalCode);
}

function stageOf(command = ''): SmtpStage {
  const stages: Readonly<Record<string, SmtpStage>> = { STARTTLS: 'tls', 'MAIL FROM': 'from', 'RCPT TO': 'to', DATA: 'data' };
  return command.startsWith('AUTH') ? 'auth' : (stages[command] ?? 'connect');
}

function endSoon(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), QUIT_MS);
  socket.once('close', () => clearTimeout(timer));
  if (socket.closed) clearTimeout(timer);
}

import type { Secret } from '../../../lib/core/secret.ts';

/** The mail server that takes our mails (a submission server, RFC 6409). */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /**
   * - `at-once`: TLS from the first byte (RFC 8314 3.3)
   * - `starttls`: TLS before anything else is said; without it nothing is sent
   * - `none`: readable by everybody on the way; for a local peer
   */
  readonly tls: 'at-once' | 'starttls' | 'none';
  readonly login: { readonly user: string; readonly password: Secret } | undefined;
}

/** RFC 8314 3.3 and 7.3. */
const DEFAULT_PORT = { 'smtps:': 465, 'smtp:': 587 } as const;

/** Where the server is. Throws a `TypeError` that repeats nothing: people put passwords into addresses. */
export function parseSmtpUrl(text: string): Pick<SmtpServer, 'host' | 'port'> & { readonly isTlsAtOnce: boolean } {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '')
    throw new TypeError('expected smtps://host:port or smtp://host:port');
  if (url.username !== '' || url.password !== '')
    throw new TypeError('expected no user and password in it; SMTP_USER and SMTP_PASSWORD are for them');
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '')
    throw new TypeError('expected nothing behind the port');
  const port = url.port === '' ? DEFAULT_PORT[url.protocol] : Number(url.port);
  return { host: url.hostname.toLowerCase(), port, isTlsAtOnce: url.protocol === 'smtps:' };
}

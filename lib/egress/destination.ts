/** Where requests may go, as data. */
export interface EgressRules {
  /**
   * Origins that are allowed whatever the other rules say, written as `scheme://host:port`: a local peer in development, an
   * internal service. Only these may be http, an IP literal, or resolve to a private address. Mail servers are `smtp://host:port`.
   */
  readonly allow: readonly string[];
  /** Ports of all other destinations. */
  readonly ports: readonly number[];
}

export const PUBLIC_HTTPS: EgressRules = { allow: [], ports: [443] };

export type Destination =
  | { readonly kind: 'open'; readonly origin: string; readonly path: string; readonly isAllowed: boolean }
  | { readonly kind: 'refused'; readonly because: string };

/** Longest URL that is looked at; the limit of most servers. Characters. */
const MAX_URL_LENGTH = 8_192;

/** Names that never mean a public host (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`). */
const PRIVATE_NAMES = ['localhost', 'local', 'internal', 'home.arpa'];

/** Letters, digits, hyphen and underscore: what is left of a host name after the URL parser has made it ASCII. */
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/;

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * Judges a URL by its text. It is parsed once, by the WHATWG parser, and what is dialled is built from that parse alone, so
 * that no spelling can mean one host here and another one there. The addresses behind a name are judged when it is dialled.
 */
export function judgeDestination(text: string, rules: EgressRules): Destination {
  if (text.length > MAX_URL_LENGTH) return refused(`expected a URL of at most ${MAX_URL_LENGTH} characters, got ${text.length}`);
  const url = URL.parse(text);
  if (url === null) return refused('expected an absolute URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refused(`expected https, got ${url.protocol}`);
  if (url.username !== '' || url.password !== '') return refused('a URL must not carry a user or password');

  // A host name with its root dot is the same host, but no rule and no certificate would match it.
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  const path = url.pathname + url.search;
  if (rules.allow.some((origin) => origin === url.origin)) return { kind: 'open', origin: url.origin, path, isAllowed: true };

  if (url.protocol !== 'https:') return refused('http is allowed for named origins only');
  const port = url.port === '' ? 443 : Number(url.port);
  if (!rules.ports.includes(port)) return refused(`port ${port} is not allowed`);
  const host = url.hostname;
  if (host.startsWith('[') || IPV4.test(host)) return refused(`${host} is an address; a host name is expected`);
  if (!HOST_NAME.test(host)) return refused(`${host} is not a public host name`);
  if (PRIVATE_NAMES.some((name) => host === name || host.endsWith(`.${name}`))) return refused(`${host} is not a public host name`);
  return { kind: 'open', origin: url.origin, path, isAllowed: false };
}

/**
 * Judges a mail server by its name and port, by the same rules: what may be dialled is a public host name on one of `ports`, or
 * an origin that `allow` names, as `smtp://host:port`.
 */
export function judgeServer(server: { readonly host: string; readonly port: number }, rules: EgressRules): Destination {
  // A text with more than a host in it would have a port of its own judged, and the other one dialled.
  if (!HOST_ALONE.test(server.host)) return refused('expected a host name, got more than that');
  const allow = rules.allow.filter((origin) => origin.startsWith(SMTP)).map((origin) => new URL(asHttps(origin)).origin);
  return judgeDestination(`https://${server.host}:${server.port}`, { ...rules, allow });
}

const SMTP = 'smtp://';
const HOST_ALONE = /^([^\s:/?#@\\[\]]+|\[[0-9a-f:.]+\])$/i;

/** The URL parser knows hosts of https only; of another scheme it takes any text for one. */
function asHttps(origin: string): string {
  return `https://${origin.slice(SMTP.length)}`;
}

/**
 * Checks an origin for `EgressRules.allow`: `http://`, `https://`, or `smtp://` (whether its TLS begins at once or later). Gives it
 * back as the URL parser writes it. Throws a `TypeError`.
 */
export function parseAllowedOrigin(text: string): string {
  const isMail = text.startsWith(SMTP);
  const url = URL.parse(isMail ? asHttps(text) : text);
  const given = (isMail ? asHttps(text) : text).replace(/\/$/, '');
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.origin !== given)
    throw new TypeError(`allowed origin: expected scheme://host:port, got ${JSON.stringify(text)}`);
  return isMail ? SMTP + given.slice('https://'.length) : url.origin;
}

function refused(because: string): Destination {
  return { kind: 'refused', because };
}

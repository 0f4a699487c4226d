/** Where requests may go, as data. */
export interface EgressRules {
  /**
   * Origins that are allowed whatever the other rules say, written as `scheme://host:port`: a local peer in development, an
   * internal service. Only these may be http, an IP literal, or resolve to a private address.
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

/** Checks an origin for `EgressRules.allow`; gives it back as the URL parser writes it. Throws a `TypeError`. */
export function parseAllowedOrigin(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.origin !== text.replace(/\/$/, ''))
    throw new TypeError(`allowed origin: expected scheme://host:port, got ${JSON.stringify(text)}`);
  return url.origin;
}

function refused(because: string): Destination {
  return { kind: 'refused', because };
}

/** A Host header that is answered; `port` null is any. */
export interface HostRule {
  /** Lower case, IPv6 in brackets, as in a URL. */
  readonly host: string;
  readonly port: number | null;
}

/** scheme, host and port of a page, lower case, the scheme's own port left out: as browsers send it. */
export type Origin = string;

const HOST = /^(\[[0-9a-fA-F:.]+\]|[^:/?#@\\\s[\]]+)(?::(\d{1,5}))?$/;
const ORIGIN = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#@\\\s]+$/;

/** `HOST` or `HOST:PORT`. @throws Error with a reason. */
export function parseHostRule(text: string): HostRule {
  const match = HOST.exec(text);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  if (match === null || (port !== null && port > 65_535)) {
    throw new Error(`${text} is not HOST or HOST:PORT`);
  }
  return { host: (match[1] as string).toLowerCase(), port };
}

/** True when one of the rules names what the Host header says. */
export function hostIsAllowed(header: string, rules: readonly HostRule[]): boolean {
  const match = HOST.exec(header);
  if (match === null) return false;
  const host = (match[1] as string).toLowerCase();
  const port = match[2] === undefined ? null : Number(match[2]);
  return rules.some((rule) => rule.host === host && (rule.port === null || rule.port === port));
}

/** `SCHEME://HOST[:PORT]` and nothing else, in the form of browsers. @throws Error with a reason. */
export function parseOrigin(text: string): Origin {
  const origin = originOf(text);
  if (origin === null) throw new Error(`${text} is not SCHEME://HOST[:PORT]`);
  return origin;
}

/** True when the Origin header, parsed, is one of `origins`: same scheme, host and port. */
export function originIsAllowed(header: string, origins: readonly Origin[]): boolean {
  const origin = originOf(header);
  return origin !== null && origins.includes(origin);
}

/** Only what has no path, query, user or other decoration: a look-alike never gets as far as the parser. */
function originOf(text: string): Origin | null {
  if (!ORIGIN.test(text)) return null;
  const url = URL.parse(text);
  if (url === null || url.host === '') return null;
  return `${url.protocol}//${url.host}`;
}

const BINARY = 'millrace.v1.fb';
const TEXT = 'millrace.v1.json';
const BEARER = 'millrace.bearer.';
/** A token of 8 KiB in base64. */
const BEARER_CHARS_MAX = 10_924;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export interface Subprotocols {
  /** The one that is echoed. */
  readonly echo: string;
  readonly isText: boolean;
  /** The token beside it. */
  readonly bearer: string | null;
}

/** Exactly one real subprotocol, and at most one bearer token beside it (§3); null for anything else. */
export function readSubprotocols(header: string): Subprotocols | null {
  const names = header.split(',').map((name) => name.trim());
  let echo: string | null = null;
  let bearer: string | null = null;
  for (const name of names) {
    if (name === BINARY || name === TEXT) {
      if (echo !== null) return null;
      echo = name;
    } else {
      if (bearer !== null || !name.startsWith(BEARER)) return null;
      bearer = decodeBearer(name.slice(BEARER.length));
      if (bearer === null) return null;
    }
  }
  return echo === null ? null : { echo, isText: echo === TEXT, bearer };
}

function decodeBearer(encoded: string): string | null {
  if (encoded.length > BEARER_CHARS_MAX || !BASE64URL.test(encoded)) return null;
  return Buffer.from(encoded, 'base64url').toString('latin1');
}

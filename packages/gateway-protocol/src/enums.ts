export const Codec = { NONE: 0, LZ4: 1, DEFLATE_RAW: 2, ZSTD: 3 } as const;

export const StartKind = {
  LATEST: 0,
  EARLIEST: 1,
  OFFSETS: 2,
  TIMESTAMP: 3,
  LAST_N: 4,
  COMMITTED: 5,
  RESUME: 6,
  KEY_SNAPSHOT: 7,
} as const;

/** What happens when a client lags. */
export const Policy = {
  PAUSE: 0,
  DISCONNECT: 1,
  CONFLATE_KEY: 2,
  LATEST: 3,
  DROP_OLDEST: 4,
} as const;

export const OnLoss = { NEAREST: 0, LATEST: 1, FAIL: 2 } as const;

export const Isolation = { COMMITTED: 0, UNCOMMITTED: 1 } as const;

export const Outcome = {
  EXACT: 0,
  PENDING: 1,
  TRIMMED: 2,
  GAP: 3,
  DIVERGED: 4,
  RECREATED: 5,
  FAILED: 6,
} as const;

export const GapReason = {
  RETENTION: 0,
  OVERFLOW: 1,
  TRUNCATED: 2,
  OVERSIZE: 3,
  RESET: 4,
  UNREADABLE: 5,
} as const;

export const FilterOp = {
  KEY_EQ: 0,
  KEY_IN: 1,
  KEY_PREFIX: 2,
  KEY_NULL: 3,
  HEADER_EQ: 4,
  HEADER_IN: 5,
  HEADER_PREFIX: 6,
  HEADER_EXISTS: 7,
  AND: 8,
  OR: 9,
  NOT: 10,
} as const;

export const Acks = { ALL: 0, LEADER: 1 } as const;

export const OnUnknown = { REPORT: 0, RESEND: 1 } as const;

export const Scope = { REQUEST: 0, SUBSCRIPTION: 1, STREAM: 2, CONNECTION: 3 } as const;

/** Capability bits of Hello and Welcome; the intersection holds. */
export const Caps = {
  PUBLISH: 1,
  COMMIT: 2,
  CONFLATE: 4,
  KEY_SNAPSHOT: 8,
  PUBLISH_BATCH: 16,
  DURABLE_SESSION: 32,
  HIDE_WATERMARK: 64,
} as const;

/** Parts of a record that a subscription asks for. */
export const Projection = { KEY: 1, VALUE: 2, HEADERS: 4, TIMESTAMP: 8, ALL: 15 } as const;

/** Flags of a Records frame. */
export const RecordsFlag = { COLD: 1, FILTERED: 4, CONFLATED: 8, SNAPSHOT: 16 } as const;

/** `LAST_N` becomes `lastN`: how the JSON subprotocol and the SDK write the value. */
export function enumNames(values: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(values).map((name) =>
    name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
  );
}

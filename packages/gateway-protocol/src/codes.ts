/** WebSocket close codes. 4000–4499: reconnect with back-off; 4500–4999: not without a new decision. */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 4001,
  SLOW_CONSUMER: 4002,
  OVERLOADED: 4003,
  NO_PONG: 4004,
  TOKEN_EXPIRED: 4005,
  INTERNAL: 4006,
  LIFETIME: 4007,
  SOCKET_STALLED: 4008,
  BAD_FRAME: 4501,
  HELLO_TIMEOUT: 4502,
  UNAUTHENTICATED: 4503,
  FORBIDDEN: 4504,
  CONNECTION_LIMIT: 4505,
  PROTOCOL_VERSION: 4506,
  ABUSE: 4507,
  REVOKED: 4508,
} as const;

/** True when a client must not reconnect on its own after this close code. */
export function isTerminalClose(code: number): boolean {
  return code === CloseCode.NORMAL || (code >= 4500 && code <= 4999);
}

/** Codes of Error, Unsubscribed, PubResult, Committed and Stream. 0 is success. */
export const ErrorCode = {
  NONE: 0,
  INTERNAL: 100,
  GOING_AWAY: 101,
  LIFETIME: 102,
  FORBIDDEN: 103,
  LIMIT: 106,
  BAD_REQUEST: 107,
  UNSUPPORTED: 108,
  TOKEN_EXPIRED: 109,
  OVERLOADED: 111,
  CREDIT_EXCEEDED: 112,
  SLOW_CONSUMER: 113,
  FILTER_CHANGED: 118,
  ALREADY_EXISTS: 119,
  UNKNOWN_TOPIC: 120,
  OFFSET_OUT_OF_RANGE: 121,
  DIVERGED: 122,
  RECREATED: 123,
  LEADER_UNAVAILABLE: 124,
  GAP: 125,
  WRONG_CLUSTER: 126,
  NOT_COMPACTED: 127,
  PUBLISH_TOO_LARGE: 130,
  UNKNOWN_OUTCOME: 131,
  NOT_ENOUGH_REPLICAS: 133,
  INVALID_RECORD: 134,
  SEQUENCE_GAP: 136,
  GROUP_HAS_MEMBERS: 140,
} as const;

const RETRYABLE: ReadonlySet<number> = new Set([100, 101, 102, 111, 112, 113, 124, 133]);

/** True when the same request may succeed after `retryAfterMs`. */
export function isRetryable(code: number): boolean {
  return RETRYABLE.has(code);
}

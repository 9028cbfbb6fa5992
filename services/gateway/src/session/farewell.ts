import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';

/** Why a connection is asked to go, and how it ends if it does not. */
export interface Farewell {
  /** GOING_AWAY, LIFETIME or OVERLOADED. */
  readonly code: number;
  readonly closeCode: number;
  readonly reconnectAfterMs: number;
}

/** Shutdown. */
export function goingAway(reconnectAfterMs: number): Farewell {
  return { code: ErrorCode.GOING_AWAY, closeCode: CloseCode.GOING_AWAY, reconnectAfterMs };
}

/** End of a connection's lifetime. */
export const LIFETIME_OVER: Farewell = {
  code: ErrorCode.LIFETIME,
  closeCode: CloseCode.LIFETIME,
  reconnectAfterMs: 0,
};

/** Memory is nearly used up, and this connection holds most of it. */
export const TOO_MUCH_MEMORY: Farewell = {
  code: ErrorCode.OVERLOADED,
  closeCode: CloseCode.SLOW_CONSUMER,
  reconnectAfterMs: 5000,
};

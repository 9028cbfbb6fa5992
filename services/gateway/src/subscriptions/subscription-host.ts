import type { JsonFrameInput } from '@millrace/gateway-protocol';
import type { Principal } from '../auth/principal.ts';
import type { DeliveryTarget } from '../fan-out/contract.ts';

/** What subscriptions see of their connection; the session implements it. */
export interface SubscriptionHost {
  readonly target: DeliveryTarget;
  /** Changes when a token is refreshed in place. */
  readonly principal: Principal;
  /** Bits of `Caps` that both sides have. */
  readonly caps: number;
  /** `Codec` values that the client reads, best first. */
  readonly codecs: readonly number[];
  /** False once the connection is closed: nothing is sent any more. */
  readonly isOpen: boolean;
  /** Puts a frame into the control lane. */
  send(frame: JsonFrameInput): void;
  /** Error for a request. */
  refuse(req: number, code: number, message: string, retryAfterMs?: number): void;
}

/** A request that ends in an Error frame instead of its answer. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** An `ErrorCode`. */
  readonly code: number;
  readonly retryAfterMs: number;

  constructor(code: number, message: string, retryAfterMs = 0) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

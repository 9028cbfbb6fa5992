import { ErrorCode, isRetryable, Outcome, type StreamInfo } from '@millrace/gateway-protocol';
import { GatewayError } from './errors.ts';
import type { SubscribeOptions } from './options.ts';

/** What the server said against it, in any of three frames. */
export interface Refusal {
  readonly code: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  readonly message?: string | null;
  readonly partition?: number;
}

export function refusalError({ code, message, ...facts }: Refusal): GatewayError {
  return new GatewayError(code, message ?? 'the gateway ended it', facts);
}

/** Of the first partition that cannot be read. */
export function failureOf(streams: readonly StreamInfo[]): Refusal | null {
  const failed = streams.find(({ outcome }) => outcome === Outcome.FAILED);
  if (failed === undefined) return null;
  return { ...failed, retryable: isRetryable(failed.code), retryAfterMs: 0 };
}

/** True for a question beside a subscription that has only to wait: for a place, a lane or quieter times. */
export function isAboutRoom({ code, retryable }: Refusal): boolean {
  return retryable || code === ErrorCode.LIMIT || code === ErrorCode.ALREADY_EXISTS;
}

/** True when the same subscription may be asked for again by itself. */
export function mayAskAgain(
  { code, retryable }: Refusal,
  { grant, onRecreated = 'fail' }: SubscribeOptions,
): boolean {
  switch (code) {
    case ErrorCode.SLOW_CONSUMER:
      return false; // whoever chose to be disconnected when slow wants to know
    case ErrorCode.RECREATED:
      return onRecreated !== 'fail';
    case ErrorCode.TOKEN_EXPIRED:
      return typeof grant === 'function';
    default:
      return retryable;
  }
}

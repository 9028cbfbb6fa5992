import { GatewayError } from './errors.ts';

/** What the server said against it, in any of three frames. */
export interface Refusal {
  readonly code: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  readonly message?: string | null;
  readonly partition?: number;
}

export function refusalError({ code, message, ...facts }: Refusal): GatewayError {
  return new GatewayError(code, message ?? 'the gateway ended the subscription', facts);
}

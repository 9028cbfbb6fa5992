import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';
import { CLIENT_CODE, CODE_NAMES } from './names.ts';

/** Whatever the gateway, the connection or the use of this package got wrong. */
export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  /** An error code (100–199) or a close code (1000–4999) of the protocol; 0 = found on this side. */
  readonly code: number;
  /** `forbidden` for example. */
  readonly codeName: string;
  /** The same request may succeed after `retryAfterMs`. */
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  /** The partition it is about, where it is about one. */
  readonly partition: number | undefined;

  constructor(
    code: number,
    message: string,
    facts: {
      readonly retryable?: boolean;
      readonly retryAfterMs?: number;
      readonly partition?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.codeName = codeName(code);
    this.retryable = facts.retryable ?? false;
    this.retryAfterMs = facts.retryAfterMs ?? 0;
    this.partition = facts.partition;
  }
}

/** Nobody knows whether the record was appended. The application decides whether to publish it again. */
export class UnknownOutcomeError extends GatewayError {
  override readonly name = 'UnknownOutcomeError';

  constructor(why: string, cause?: unknown) {
    super(ErrorCode.UNKNOWN_OUTCOME, `the record may be in the log: ${why}`, { cause });
  }
}

/** The server broke the protocol: bytes that do not verify, or a position that does not follow. */
export class ProtocolViolation extends GatewayError {
  override readonly name = 'ProtocolViolation';

  constructor(message: string, cause?: unknown) {
    super(CloseCode.BAD_FRAME, message, { cause });
  }
}

/** An error found on this side. */
export function clientError(message: string, cause?: unknown): GatewayError {
  return new GatewayError(CLIENT_CODE, message, { cause });
}

function codeName(code: number): string {
  for (const [first, names] of CODE_NAMES) {
    const name = names.split(',')[code - first];
    if (name) return name;
  }
  return `code${code}`;
}

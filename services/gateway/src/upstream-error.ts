import { ErrorCode, isRetryable } from '@millrace/gateway-protocol';

/** What the cluster answered, in the gateway's own codes. */
export class UpstreamError extends Error {
  /** An `ErrorCode`. */
  readonly code: number;
  /** The same may succeed later. */
  readonly retryable: boolean;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UpstreamError';
    this.code = code;
    this.retryable = isRetryable(code);
  }
}

/** Errors of the Kafka protocol by name, as far as they have a code of ours. */
const CODE_OF_QUESTION: Readonly<Record<string, number>> = {
  UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.UNKNOWN_TOPIC,
  UNKNOWN_TOPIC_ID: ErrorCode.UNKNOWN_TOPIC,
  INVALID_TOPIC_EXCEPTION: ErrorCode.UNKNOWN_TOPIC,
  TOPIC_AUTHORIZATION_FAILED: ErrorCode.FORBIDDEN,
  GROUP_AUTHORIZATION_FAILED: ErrorCode.FORBIDDEN,
  OFFSET_OUT_OF_RANGE: ErrorCode.OFFSET_OUT_OF_RANGE,
  UNKNOWN_MEMBER_ID: ErrorCode.GROUP_HAS_MEMBERS,
  ILLEGAL_GENERATION: ErrorCode.GROUP_HAS_MEMBERS,
};

/** Answers to Produce that say for sure that nothing was appended. */
const CODE_OF_PUBLISH: Readonly<Record<string, number>> = {
  MESSAGE_TOO_LARGE: ErrorCode.PUBLISH_TOO_LARGE,
  RECORD_LIST_TOO_LARGE: ErrorCode.PUBLISH_TOO_LARGE,
  NOT_ENOUGH_REPLICAS: ErrorCode.NOT_ENOUGH_REPLICAS,
  INVALID_RECORD: ErrorCode.INVALID_RECORD,
  INVALID_TIMESTAMP: ErrorCode.INVALID_RECORD,
  CORRUPT_MESSAGE: ErrorCode.INVALID_RECORD,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: ErrorCode.INVALID_RECORD,
  POLICY_VIOLATION: ErrorCode.INVALID_RECORD,
  UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.FORBIDDEN,
  INVALID_TOPIC_EXCEPTION: ErrorCode.FORBIDDEN,
  TOPIC_AUTHORIZATION_FAILED: ErrorCode.FORBIDDEN,
  CLUSTER_AUTHORIZATION_FAILED: ErrorCode.FORBIDDEN,
};

/** The name of the wire error that a client error carries, '' for none. */
function wireName(error: unknown): string {
  return error instanceof Error && 'codeName' in error ? String(error.codeName) : '';
}

/** A question failed. What is not known otherwise is the cluster being out of reach. */
export function questionError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = CODE_OF_QUESTION[wireName(error)] ?? ErrorCode.LEADER_UNAVAILABLE;
  return new UpstreamError(code, messageOf(error), { cause: error });
}

/** A publish failed. What is not known otherwise may have been appended. */
export function publishError(error: unknown): UpstreamError {
  if (error instanceof RangeError) {
    return new UpstreamError(ErrorCode.BAD_REQUEST, error.message, { cause: error });
  }
  const code = CODE_OF_PUBLISH[wireName(error)] ?? ErrorCode.UNKNOWN_OUTCOME;
  return new UpstreamError(code, messageOf(error), { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

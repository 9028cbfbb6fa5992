import { ErrorCode } from '@millrace/protocol';

/** Why something was not done, as a value: a wire error and a sentence for the user. */
export interface Refusal {
  readonly errorCode: number;
  readonly message: string;
}

/** What was asked for, or why not. */
export type Outcome<T> =
  | { readonly refusal: null; readonly value: T }
  | { readonly refusal: Refusal; readonly value: null };

export function done<T>(value: T): Outcome<T> {
  return { refusal: null, value };
}

export function refused(errorCode: number, message: string): Outcome<never> {
  return { refusal: { errorCode, message }, value: null };
}

/** The disk failed underneath; the details are in the log. */
export function storageFailed(): Outcome<never> {
  return refused(
    ErrorCode.KAFKA_STORAGE_ERROR,
    'Disk error when trying to access log file on the disk.',
  );
}

export function unknownTopic(): Outcome<never> {
  return refused(
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    'This server does not host this topic-partition.',
  );
}

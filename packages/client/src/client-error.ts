import { errorName, isRetriable } from '@millrace/protocol';
import { WireConnectionError } from '@millrace/wire';

/** A broker answered with an error code (Kafka protocol, "Error Codes"). */
export class KafkaError extends Error {
  readonly code: number;
  /** `NOT_LEADER_OR_FOLLOWER` for example. */
  readonly codeName: string;
  /** Asking again, perhaps after fresh metadata, may succeed. */
  readonly retriable: boolean;

  /** @param about what was asked, `Produce to orders-3` for example. */
  constructor(code: number, about: string, detail?: string | null) {
    super(`${about}: ${errorName(code)}${detail ? ` (${detail})` : ''}`);
    this.name = 'KafkaError';
    this.code = code;
    this.codeName = errorName(code);
    this.retriable = isRetriable(code);
  }
}

/** The client was used in a way that cannot work, or was closed meanwhile. Never retriable. */
export class ClientStateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ClientStateError';
  }
}

/** True when the same request may succeed later. */
export function isRetriableError(error: unknown): boolean {
  return (error instanceof KafkaError || error instanceof WireConnectionError) && error.retriable;
}

/** @throws KafkaError unless `code` is 0. */
export function throwIfError(code: number, about: string, detail?: string | null): void {
  if (code !== 0) throw new KafkaError(code, about, detail);
}

/** What went wrong below the level of Kafka's own error codes. */
export type WireErrorKind =
  /** The connection could not be made, or not in time. */
  | 'connect'
  /** The connection ended while requests were waiting. */
  | 'closed'
  /** No answer in time; the connection is given up, for later answers could not be told apart. */
  | 'timeout'
  /** The broker speaks no version of the API that we speak too. */
  | 'unsupported-version'
  /** The broker refused our credentials, or its proof of them was wrong. */
  | 'authentication'
  /** The peer sent something that is not Kafka's protocol. */
  | 'protocol';

/** An error of one conversation; `retriable` when another connection may do better. */
export class WireConnectionError extends Error {
  readonly kind: WireErrorKind;

  constructor(kind: WireErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WireConnectionError';
    this.kind = kind;
  }

  get retriable(): boolean {
    return this.kind === 'connect' || this.kind === 'closed' || this.kind === 'timeout';
  }
}

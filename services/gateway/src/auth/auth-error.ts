import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';

/** Why a token was not accepted; also the label of `auth_total`. */
export type AuthFailure =
  | 'malformed'
  | 'algorithm'
  | 'type'
  | 'key'
  | 'signature'
  | 'claims'
  | 'expired'
  | 'grants'
  | 'revoked'
  | 'keys_unavailable'
  | 'overloaded'
  | 'abuse';

const CLOSE_CODES: Readonly<Partial<Record<AuthFailure, number>>> = {
  revoked: CloseCode.REVOKED,
  keys_unavailable: CloseCode.OVERLOADED,
  overloaded: CloseCode.OVERLOADED,
  abuse: CloseCode.OVERLOADED,
};

const ERROR_CODES: Readonly<Partial<Record<AuthFailure, number>>> = {
  expired: ErrorCode.TOKEN_EXPIRED,
  keys_unavailable: ErrorCode.OVERLOADED,
  overloaded: ErrorCode.OVERLOADED,
  abuse: ErrorCode.OVERLOADED,
};

/** What a token fails with that nobody signed who may. The others are rightly signed: late or of another use, but no guess. */
const GUESSES: ReadonlySet<AuthFailure> = new Set([
  'malformed',
  'algorithm',
  'type',
  'key',
  'signature',
]);

export interface AuthErrorOptions extends ErrorOptions {
  readonly retryAfterMs?: number;
}

/** A token that lets nobody in. The message may be shown to the client: it tells nothing of other tokens or keys. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly failure: AuthFailure;
  /** What a connection is closed with when this was its Hello. */
  readonly closeCode: number;
  /** For the Error frame. */
  readonly errorCode: number;
  /** When it may be tried again; 0 does not say. */
  readonly retryAfterMs: number;

  constructor(failure: AuthFailure, message: string, options?: AuthErrorOptions) {
    super(message, options);
    this.failure = failure;
    this.closeCode = CLOSE_CODES[failure] ?? CloseCode.UNAUTHENTICATED;
    this.errorCode = ERROR_CODES[failure] ?? ErrorCode.FORBIDDEN;
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }

  /** True when nothing says that whoever may sign tokens has signed this one. */
  get isGuess(): boolean {
    return GUESSES.has(this.failure);
  }
}

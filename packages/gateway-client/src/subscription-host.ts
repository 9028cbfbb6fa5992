import type { CreditReturn } from './credit-return.ts';
import type { Environment } from './environment.ts';
import type { GatewayError, ProtocolViolation } from './errors.ts';
import type { Link } from './link.ts';
import type { ClientOptions } from './options.ts';
import type { Subscription } from './subscription.ts';

/** What a subscription needs of its client. */
export interface SubscriptionHost {
  readonly environment: Environment;
  readonly options: ClientOptions;
  readonly connectionWindow: CreditReturn;
  /** It is over and takes no more connections. */
  forget(subscription: Subscription): void;
  /** A frame that was accepted turned out to be broken. */
  broken(violation: ProtocolViolation): void;
  /** Something went wrong that ends nothing. */
  report(error: GatewayError): void;
}

/** What it is on one connection. */
export interface Attachment {
  readonly link: Link;
  readonly sub: number;
}

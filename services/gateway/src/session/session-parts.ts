import type { Clock, Logger, Prng } from '@millrace/base';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Revocations } from '../auth/revocations.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { FanOut } from '../fan-out/contract.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Committer } from '../publish/committer.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { PositionQueries } from '../subscriptions/position-queries.ts';
import type { SubscriptionTableParts } from '../subscriptions/subscription-table.ts';
import type { Upstream } from '../upstream-contract.ts';
import type { MemoryWatch } from './memory-watch.ts';

/** What sessions are made of, given by the composition root. */
export interface SessionsParts {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly random: Prng;
  readonly log: Logger;
  readonly authenticator: Authenticator;
  readonly revocations: Revocations;
  readonly upstream: Upstream;
  readonly fanOut: FanOut;
  /** Memory in use as a share of `gateway.memory.bytes` (§14); of the process when absent. */
  readonly memoryRatio?: () => number;
}

/** The same, with what all sessions of the process share. */
export interface SharedParts extends SessionsParts {
  /** Name of this process, told in Welcome. */
  readonly node: string;
  readonly memory: MemoryWatch;
  readonly queries: PositionQueries;
  readonly publisher: Publisher;
  readonly committer: Committer;
  readonly subscriptions: SubscriptionTableParts;
}

import type { Clock, Logger } from '@millrace/base';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { PartitionSource } from '../upstream.ts';
import type { FanOut } from './contract.ts';
import { StreamFanOut } from './fan-out.ts';

export interface FanOutOptions {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly upstream: PartitionSource;
}

/** The fan-out of this process, with the settings of the gateway. */
export function openFanOut({ config, metrics, clock, log, upstream }: FanOutOptions): FanOut {
  return new StreamFanOut({
    settings: config,
    ...{ metrics, clock, log },
    source: upstream,
    defer: (work) => setImmediate(work),
    onStuck: () => {
      throw new Error('sockets hold unsent bytes and none has made progress for long');
    },
  });
}

import type { Logger } from '@millrace/base';
import type { AcceptQueue } from './accept-queue.ts';
import type { GatewayConfig } from './config/gateway-config.ts';
import type { GatewayMetrics } from './metrics.ts';

export interface ListenerParts {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

/**
 * Bounds what the kernel holds for clients that do not read (§14). Accepted sockets inherit it from the listening one,
 * whose queue `acceptQueue` changes from then on.
 * The native core is optional: without it there is a warning, and the metric says 0.
 */
export async function applyListenerOptions(
  port: number,
  { config, metrics, log }: ListenerParts,
  acceptQueue: AcceptQueue,
): Promise<void> {
  const applied = metrics.listenerOptionsApplied.with();
  try {
    const { setAcceptedSocketOptions, setListenBacklog } = await import('@millrace/engine');
    setAcceptedSocketOptions(port, {
      notsentLowatBytes: config.socketNotsentLowat,
      userTimeoutMs: config.socketUserTimeoutMs,
    });
    applied.set(1);
    acceptQueue.attach((length) => void setListenBacklog(port, length));
  } catch (error) {
    applied.set(0);
    log.warn('slow readers may take more kernel memory: socket options could not be set', {
      error: String(error),
    });
  }
}

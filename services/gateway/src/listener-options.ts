import type { Logger } from '@millrace/base';
import type { GatewayConfig } from './config/gateway-config.ts';
import type { GatewayMetrics } from './metrics.ts';

/**
 * Bounds what the kernel holds for clients that do not read (§14). Accepted sockets inherit it from the listening one.
 * The native core is optional: without it there is a warning, and the metric says 0.
 */
export async function applyListenerOptions(
  port: number,
  config: GatewayConfig,
  metrics: GatewayMetrics,
  log: Logger,
): Promise<void> {
  const applied = metrics.listenerOptionsApplied.with();
  try {
    const { setAcceptedSocketOptions } = await import('@millrace/engine');
    setAcceptedSocketOptions(port, {
      notsentLowatBytes: config.socketNotsentLowat,
      userTimeoutMs: config.socketUserTimeoutMs,
    });
    applied.set(1);
  } catch (error) {
    applied.set(0);
    log.warn('slow readers may take more kernel memory: socket options could not be set', {
      error: String(error),
    });
  }
}

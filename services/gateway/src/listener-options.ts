import type { Logger } from '@millrace/base';
import type { AcceptQueue } from './accept-queue.ts';
import type { GatewayConfig } from './config/gateway-config.ts';
import type { GatewayMetrics } from './metrics.ts';

export interface ListenerParts {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

/** Sets the options of the listening socket on a port. Never throws. */
export type ListenerOptions = (port: number) => void;

/**
 * Bounds what the kernel holds for clients that do not read (§14). Accepted sockets inherit it from the listening one,
 * whose queue `acceptQueue` changes from then on. What takes time is done here, before anybody listens: the result is to be
 * called in the same turn as the socket listens, so that nobody is accepted without.
 * The native core is optional: without it there is a warning, and the metric says 0.
 */
export async function loadListenerOptions(
  { config, metrics, log }: ListenerParts,
  acceptQueue: AcceptQueue,
): Promise<ListenerOptions> {
  const applied = metrics.listenerOptionsApplied.with();
  const failed = (error: unknown): void => {
    applied.set(0);
    log.warn('slow readers may take more kernel memory: socket options could not be set', {
      error: String(error),
    });
  };
  try {
    const { setAcceptedSocketOptions, setListenBacklog } = await import('@millrace/engine');
    return (port) => {
      try {
        setAcceptedSocketOptions(port, {
          notsentLowatBytes: config.socketNotsentLowat,
          userTimeoutMs: config.socketUserTimeoutMs,
        });
        applied.set(1);
        acceptQueue.attach((length) => void setListenBacklog(port, length));
      } catch (error) {
        failed(error);
      }
    };
  } catch (error) {
    return () => failed(error);
  }
}

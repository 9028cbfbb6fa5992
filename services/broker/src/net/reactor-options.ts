import type { ReactorOptions } from '@millrace/engine';
import { apiSpecs } from '@millrace/protocol';
import type { BrokerConfig } from '../config/broker-config.ts';
import { INBOUND_BUDGET_BYTES_MIN, QUEUED_SEND_BYTES_MAX, SEND_DEADLINE_MS } from '../limits.ts';

/** Request header without client id and tags: key, version, correlation id. */
const FRAME_BYTES_MIN = 8;

/** The reactor's bounds as the configuration has them. */
export function reactorOptionsOf(config: BrokerConfig): ReactorOptions {
  const prefixes = apiSpecs.flatMap((api) => [api.key, api.minVersion, api.maxVersion]);
  return {
    maxFrameBytes: config.socketRequestMaxBytes,
    minFrameBytes: FRAME_BYTES_MIN,
    inboundBudgetBytes:
      config.queuedMaxRequestBytes > 0
        ? config.queuedMaxRequestBytes
        : Math.max(INBOUND_BUDGET_BYTES_MIN, config.socketRequestMaxBytes),
    maxQueuedSendBytes: QUEUED_SEND_BYTES_MAX,
    idleMs: config.connectionsMaxIdleMs,
    frameDeadlineMs: config.requestTimeoutMs,
    sendDeadlineMs: SEND_DEADLINE_MS,
    maxConnections: config.maxConnections,
    maxConnectionsPerAddress: config.maxConnectionsPerIp,
    sendBufferBytes: config.socketSendBufferBytes,
    receiveBufferBytes: config.socketReceiveBufferBytes,
    acceptedPrefixes: Int16Array.from(prefixes),
  };
}

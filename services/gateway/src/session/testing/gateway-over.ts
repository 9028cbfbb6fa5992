import { type RunningGateway, startGateway } from '../../gateway.ts';

/** A gateway in this process on free ports, open to everybody, before the Kafka cluster at `bootstrap`. */
export function gatewayOver(
  bootstrap: string,
  overrides: readonly string[],
): Promise<RunningGateway> {
  return startGateway({
    overrides: [
      `gateway.kafka.bootstrap.servers=${bootstrap}`,
      'gateway.listen=127.0.0.1:0',
      'gateway.admin.listen=127.0.0.1:0',
      'gateway.auth.mode=none',
      'gateway.hosts=127.0.0.1',
      'gateway.origins.allow.missing=true',
      ...overrides,
    ],
  });
}

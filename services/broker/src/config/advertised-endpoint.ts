import type { ListenerAddress } from './listener.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What must be known of a connection to tell it where to connect. */
export interface ConnectionDoor {
  readonly localAddress: string;
  readonly localPort: number;
  readonly listener: string;
}

/**
 * Where a client of this connection is told to find the broker: the advertised listener of the same name, or,
 * when none is set, the address and port that the client itself connected to. Port 0 of an advertised
 * listener stands for the port that was really bound.
 */
export function advertisedEndpoint(
  config: { readonly advertisedListeners: readonly ListenerAddress[] | null },
  door: ConnectionDoor,
): Endpoint {
  for (const advertised of config.advertisedListeners ?? []) {
    if (advertised.name !== door.listener) continue;
    return {
      host: advertised.host,
      port: advertised.port === 0 ? door.localPort : advertised.port,
    };
  }
  return { host: plainAddress(door.localAddress), port: door.localPort };
}

/** IPv4 clients of a dual-stack socket appear as `::ffff:1.2.3.4`; they are told `1.2.3.4`. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}

import type { GatewayError } from './errors.ts';
import type { ClientState } from './options.ts';

export interface ClientEvents {
  state(state: ClientState): void;
  /** What ended the client, or something that went wrong and is being retried. */
  error(error: GatewayError): void;
  /** The gateway asked to reconnect soon; nothing is lost by it. */
  goaway(notice: {
    readonly code: number;
    readonly reconnectAfterMs: number;
    readonly closesInMs: number;
  }): void;
}

/** Where a connection came from and which door it took. Fixed while the connection lives. */
export interface ConnectionIdentity {
  /** Number of the connection, never used again while the broker lives. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The address and port that the client connected to. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Name of the listener, `PLAINTEXT` by default. */
  readonly listener: string;
}

/** Who asks, how, and since when. Fixed once made; safe to keep. */
export interface RequestContext {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** "" when the client sent null. */
  readonly clientId: string;
  readonly connection: ConnectionIdentity;
  /** Wall-clock ms at which the tick that brought the request began. */
  readonly receivedAtMs: number;
  /** `User:ANONYMOUS` until authentication comes. */
  readonly principal: string;
}

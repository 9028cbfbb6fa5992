import { coded, type NativeEngine, toEngineError } from './native-binary.ts';
import type { ConnectionInfo, ListenerInfo, Reactor, ReactorStats } from './reactor.ts';

/** Sockets of the native core. */
export class NativeReactor implements Reactor {
  readonly events: Float64Array;
  readonly sends: Float64Array;
  readonly out: Uint8Array;
  readonly #native: NativeEngine;
  /** Views by buffer id: two views of the same native memory are not allowed. */
  readonly #buffers: (Uint8Array | undefined)[] = [];

  constructor(native: NativeEngine) {
    this.#native = native;
    this.events = native.events;
    this.sends = native.sends;
    this.out = native.out;
  }

  listen(host: string, port: number, backlog: number): ListenerInfo {
    return coded(() => this.#native.listen(host, port, backlog));
  }

  closeListener(listenerId: number): void {
    coded(() => this.#native.closeListener(listenerId));
  }

  run(onTick: (eventCount: number) => void): void {
    coded(() => this.#native.run(onTick));
  }

  buffer(bufferId: number): Uint8Array {
    const known = this.#buffers[bufferId];
    if (known !== undefined) return known;
    try {
      const bytes = this.#native.buffer(bufferId);
      this.#buffers[bufferId] = bytes;
      return bytes;
    } catch (error) {
      throw toEngineError(error);
    }
  }

  connectionInfo(connectionId: number): ConnectionInfo {
    return coded(() => this.#native.connectionInfo(connectionId));
  }

  flush(rowCount: number): void {
    try {
      this.#native.flush(rowCount);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  sendOwned(connectionId: number, bytes: Uint8Array): void {
    try {
      this.#native.sendOwned(connectionId, bytes);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  pauseReading(connectionId: number): void {
    coded(() => this.#native.pauseReading(connectionId));
  }

  resumeReading(connectionId: number): void {
    coded(() => this.#native.resumeReading(connectionId));
  }

  unsentBytes(connectionId: number): number {
    return coded(() => this.#native.unsentBytes(connectionId));
  }

  closeConnection(connectionId: number): void {
    coded(() => this.#native.closeConnection(connectionId));
  }

  stats(): ReactorStats {
    return coded(() => this.#native.reactorStats());
  }

  async close(): Promise<void> {
    coded(() => this.#native.closeReactor());
  }
}

import { type NativeEngine, toEngineError } from './native-binary.ts';
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
    try {
      return this.#native.listen(host, port, backlog);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  closeListener(listenerId: number): void {
    this.#native.closeListener(listenerId);
  }

  run(onTick: (eventCount: number) => void): void {
    try {
      this.#native.run(onTick);
    } catch (error) {
      throw toEngineError(error);
    }
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
    try {
      return this.#native.connectionInfo(connectionId);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  flush(rowCount: number): void {
    this.#native.flush(rowCount);
  }

  sendOwned(connectionId: number, bytes: Uint8Array): void {
    this.#native.sendOwned(connectionId, bytes);
  }

  pauseReading(connectionId: number): void {
    this.#native.pauseReading(connectionId);
  }

  resumeReading(connectionId: number): void {
    this.#native.resumeReading(connectionId);
  }

  unsentBytes(connectionId: number): number {
    return this.#native.unsentBytes(connectionId);
  }

  closeConnection(connectionId: number): void {
    this.#native.closeConnection(connectionId);
  }

  stats(): ReactorStats {
    return this.#native.reactorStats();
  }

  close(): Promise<void> {
    this.#native.closeReactor();
    return Promise.resolve();
  }
}

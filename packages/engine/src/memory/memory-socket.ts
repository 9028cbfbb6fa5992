/** What a socket needs of the reactor at its other end. */
export interface SocketPeer {
  readonly received: (bytes: Uint8Array) => void;
  readonly ended: () => void;
}

/** The client's end of an in-process connection. Bytes keep their order; nothing is lost. */
export class MemorySocket {
  readonly #peer: SocketPeer;
  #received: Uint8Array[] = [];
  #isClosed = false;
  /** Called with what the reactor sends. Without it, bytes gather for `take`. */
  onData: ((bytes: Uint8Array) => void) | undefined;
  /** Called once when the reactor closes the connection. */
  onClose: (() => void) | undefined;

  constructor(peer: SocketPeer) {
    this.#peer = peer;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends to the reactor; ignored once closed. */
  send(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#peer.received(bytes.slice());
  }

  /** Closes from the client's side. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peer.ended();
  }

  /** Everything received since the last call. */
  take(): Uint8Array {
    const bytes = Buffer.concat(this.#received);
    this.#received = [];
    return new Uint8Array(bytes);
  }

  /** The reactor sent bytes. */
  deliver(bytes: Uint8Array): void {
    if (this.onData === undefined) this.#received.push(bytes);
    else this.onData(bytes);
  }

  /** The reactor closed the connection. */
  closedByPeer(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClose?.();
  }
}

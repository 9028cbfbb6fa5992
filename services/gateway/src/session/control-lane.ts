import type { ControlLane } from '../fan-out/contract.ts';
import { sessionLimits } from '../limits.ts';
import type { Socket } from '../ws/socket-server.ts';

const NOTHING: Uint8Array[] = [];

/** Control frames of one connection, oldest first (rule P6). */
export class FrameLane implements ControlLane {
  readonly #isText: boolean;
  #waiting: Uint8Array[] = NOTHING;
  #bytes = 0;

  constructor(isText: boolean) {
    this.#isText = isText;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when the lane is full: the client asks and never reads. */
  push(message: Uint8Array): boolean {
    if (this.#bytes + message.length > sessionLimits.controlLaneBytesMax) return false;
    if (this.#waiting === NOTHING) this.#waiting = [message];
    else this.#waiting.push(message);
    this.#bytes += message.length;
    return true;
  }

  flush(socket: Socket, roomBytes: number): number {
    let sent = 0;
    let count = 0;
    for (const message of this.#waiting) {
      if (sent + message.length > roomBytes) break;
      count++;
      sent += message.length;
      // What a socket drops is reported through its handlers, and the connection is over then.
      if (socket.send(message, this.#isText) === 'dropped') break;
    }
    // The array goes too: an idle connection holds none.
    this.#waiting = count === this.#waiting.length ? NOTHING : this.#waiting.slice(count);
    this.#bytes -= sent;
    return sent;
  }
}

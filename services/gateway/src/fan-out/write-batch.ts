import { deliveryLimits } from '../limits.ts';
import type { TopicMeter } from '../topic-meters.ts';
import type { DeliveryTarget } from './contract.ts';
import type { DeliveryStats } from './delivery-stats.ts';
import { WS_HEADER_BYTES } from './new-packet.ts';
import { DeliveryPath, type Packet } from './packet.ts';

/** What goes out in one write to one connection. One object serves all: nothing is allocated per client. */
export class WriteBatch {
  readonly #stats: DeliveryStats;
  readonly #frames: Uint8Array[] = [];
  readonly #corked = () => this.#sendCorked();
  #target: DeliveryTarget | null = null;
  #unsent = 0;
  #isDropped = false;
  count = 0;
  /** With WebSocket headers. */
  bytes = 0;
  /** Some of it was read behind the ring. */
  isCold = false;

  constructor(stats: DeliveryStats) {
    this.#stats = stats;
  }

  begin(target: DeliveryTarget, unsent: number): void {
    this.#target = target;
    this.#unsent = unsent;
    this.#isDropped = false;
    this.count = 0;
    this.bytes = 0;
    this.isCold = false;
  }

  /** @param meter of the packet's topic */
  add(packet: Packet, meter: TopicMeter | null): void {
    this.#frames[this.count++] = packet.bytes;
    this.bytes += packet.bytes.length + WS_HEADER_BYTES;
    this.#stats.took(packet, meter);
    if (packet.path === DeliveryPath.cold) this.isCold = true;
  }

  /** Sends control frames and what was added. Returns the bytes unsent afterwards, or -1 when something was dropped. */
  send(): number {
    const target = this.#target as DeliveryTarget;
    const { socket, control } = target;
    this.#stats.wrote(this.bytes + control.bytes);
    if (this.count === 1 && control.bytes === 0) {
      // A send of its own leaves at once: no cork is needed, and its result says whether the kernel took all.
      const result = socket.send(this.#frames[0] as Uint8Array, target.isText);
      if (result === 'sent') return 0;
      return result === 'dropped' ? -1 : socket.unsentBytes();
    }
    socket.cork(this.#corked);
    return this.#isDropped ? -1 : socket.unsentBytes();
  }

  #sendCorked(): void {
    const target = this.#target as DeliveryTarget;
    const { socket, control } = target;
    if (control.bytes > 0) control.flush(socket, controlRoom(this.#unsent));
    for (let i = 0; i < this.count; i++) {
      const result = socket.send(this.#frames[i] as Uint8Array, target.isText);
      if (result === 'dropped') this.#isDropped = true;
    }
  }
}

/** WebSocket headers are at most this share of control messages, which are 32 bytes and more. */
const HEADER_SHARE = 1 / 8;

/** Control messages that may be sent beside what is unsent (P3), without their WebSocket headers. Bytes. */
export function controlRoom(unsent: number): number {
  return Math.floor((deliveryLimits.unsentBytesMax - unsent) / (1 + HEADER_SHARE));
}

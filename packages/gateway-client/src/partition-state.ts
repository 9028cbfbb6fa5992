import { Outcome, type Records, type StreamInfo } from '@millrace/gateway-protocol';
import { ProtocolViolation } from './errors.ts';

/** A whole block as it came; its payload is still compressed. */
export interface ReceivedBlock {
  readonly header: Records;
  readonly fromOffset: number;
  readonly nextOffset: number;
  readonly payload: Uint8Array;
  readonly after: Place;
}

/** The next offset to read. */
export interface Place {
  readonly offset: number;
  /** Leader epoch that was seen there, −1 = unknown. */
  readonly epoch: number;
  readonly partition: number;
  /** What the offset counts in, as text: the topic may be deleted and made again. */
  readonly topicId: string;
}

/** An offset of the wire as a number. @throws ProtocolViolation outside 0 … 2^53 − 1. */
export function offsetOf(wire: bigint): number {
  const offset = Number(wire);
  if (offset < 0 || !Number.isSafeInteger(offset))
    throw new ProtocolViolation(`${wire} is outside the safe integers`);
  return offset;
}

/**
 * Where one partition stands: `received` follows the frames, `finished` the consumer. It outlives
 * connections and holds every frame against the position, so that nothing is lost or comes twice.
 */
export class PartitionState {
  readonly partition: number;
  isCaughtUp = false;
  /** The topic that it was named in last. */
  topicId = '';
  /** The server has said on this connection where it starts. */
  isBegun = false;
  /** After the last block that the consumer finished. */
  finished: Place | null = null;
  #received: Place | null = null;
  /** Epoch of the last Records frame: it never falls. */
  #recordsEpoch = -1;
  /** Parts of a block that is not whole yet. */
  #parts: Records[] = [];
  #partsBytes = 0;

  constructor(partition: number) {
    this.partition = partition;
  }

  /** After the last frame; null while no start is known. */
  get received(): Place | null {
    return this.#received;
  }

  /**
   * The connection is gone, and with it half a block.
   * @returns raw bytes of that block, which took credit and will not be delivered.
   */
  detach(): number {
    this.isCaughtUp = false;
    this.isBegun = false;
    return this.#dropParts();
  }

  /**
   * Takes the start that the server resolved. A known position is never moved by this: the server
   * honours it, or announces a loss that begins at it.
   * @throws ProtocolViolation when the server goes on somewhere else.
   */
  begin(info: StreamInfo, topicId: string): void {
    const offset = offsetOf(wantedOffset(info));
    if (this.#received === null) this.#received = this.finished = placeOf(info, offset, topicId);
    else this.#expect(offset);
  }

  /**
   * A jump that the server announced: the log was cut here, or began anew.
   * @returns raw bytes of the half block that this drops, as `detach` does.
   */
  reset(place: Place): number {
    this.#received = place;
    this.#recordsEpoch = -1;
    return this.#dropParts();
  }

  /**
   * `[from, to)` is covered without records.
   * @returns the place after it.
   * @throws ProtocolViolation unless it begins at the position.
   */
  advance(from: number, to: number, epoch: number): Place {
    const place = this.#expect(from);
    // An epoch that is unknown at `to` makes it unknown: an old one there would read as a log that was cut.
    if (to < from || this.#parts.length > 0)
      throw new ProtocolViolation(`a move from ${from} to ${to}`);
    this.#received = { ...place, offset: to, epoch };
    return this.#received;
  }

  /**
   * Takes a Records frame; null until all parts of its block are there.
   * @throws ProtocolViolation unless it continues what came before.
   */
  receive(frame: Records): ReceivedBlock | null {
    const fromOffset = offsetOf(frame.fromOffset);
    const nextOffset = offsetOf(frame.nextOffset);
    const place = this.#expect(fromOffset);
    if (nextOffset <= fromOffset || frame.count === 0 || frame.part >= frame.parts)
      throw new ProtocolViolation(`an empty block at ${fromOffset}`);
    if (frame.leaderEpoch >= 0 && frame.leaderEpoch < this.#recordsEpoch)
      throw new ProtocolViolation(`leader epoch ${frame.leaderEpoch} after ${this.#recordsEpoch}`);
    this.#join(frame);
    if (this.#parts.length < frame.parts) return null;
    const payload = joined(this.#parts, this.#partsBytes);
    this.#dropParts();
    this.#recordsEpoch = Math.max(this.#recordsEpoch, frame.leaderEpoch);
    this.#received = { ...place, offset: nextOffset, epoch: frame.leaderEpoch };
    return { header: frame, fromOffset, nextOffset, payload, after: this.#received };
  }

  #join(frame: Records): void {
    const first = this.#parts[0];
    const fits =
      frame.part === this.#parts.length &&
      (first === undefined ||
        (frame.nextOffset === first.nextOffset &&
          frame.parts === first.parts &&
          frame.codec === first.codec &&
          frame.rawSize === first.rawSize));
    if (!fits) throw new ProtocolViolation(`part ${frame.part} of a block out of order`);
    this.#partsBytes += frame.payload?.length ?? 0;
    // Compressing made it smaller, so this bounds every codec.
    if (frame.parts > 1 && this.#partsBytes > frame.rawSize)
      throw new ProtocolViolation('parts that are longer than their block');
    this.#parts.push(frame);
  }

  /** The place, when it is `offset`. */
  #expect(offset: number): Place {
    const place = this.#received;
    if (place === null || place.offset !== offset)
      throw new ProtocolViolation(
        `partition ${this.partition} goes on at ${offset} and was at ${place?.offset}`,
      );
    return place;
  }

  /** Raw bytes of the block that the parts belong to; 0 without parts. */
  #dropParts(): number {
    const rawBytes = this.#parts[0]?.rawSize ?? 0;
    this.#parts = [];
    this.#partsBytes = 0;
    return rawBytes;
  }
}

export function placeOf(info: StreamInfo, offset: number, topicId: string): Place {
  return { partition: info.partition, offset, epoch: info.leaderEpoch, topicId };
}

/** Where the server understood the start to be; what it lost begins there. */
function wantedOffset(info: StreamInfo): bigint {
  if (info.outcome === Outcome.GAP) return info.lostFrom;
  return info.outcome === Outcome.DIVERGED ? info.lostTo : info.startOffset;
}

/** The payload of all parts. */
function joined(parts: readonly Records[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]?.payload ?? new Uint8Array(0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const { payload } of parts) {
    if (payload === null) continue;
    whole.set(payload, at);
    at += payload.length;
  }
  return whole;
}

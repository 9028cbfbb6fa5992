import type { Clock } from '@millrace/base';
import type { GatewayMetrics } from '../metrics.ts';
import type { TopicMeter } from '../topic-meters.ts';
import { WS_HEADER_BYTES } from './new-packet.ts';
import type { Packet } from './packet.ts';
import type { EncodingCount } from './packet-maker.ts';

/** Every so many writes one is measured for the histograms. */
const SAMPLE_MASK = 63;

/** Counts of the hot loop: plain numbers, handed to the metrics once per tick. */
export class DeliveryStats {
  readonly #metrics: GatewayMetrics;
  readonly #encodings: EncodingCount;
  readonly #clock: Clock;
  writes = 0;
  bytes = 0;
  frames = 0;
  /** By `DeliveryPath`. */
  readonly records = [0, 0, 0];
  unsentMax = 0;
  #written = 0;
  /** Of the write that is being put together: its records, the last frame and its topic's counts. */
  #writeRecords = 0;
  #last: Packet | null = null;
  #meter: TopicMeter | null = null;

  constructor(metrics: GatewayMetrics, encodings: EncodingCount, clock: Clock) {
    this.#metrics = metrics;
    this.#encodings = encodings;
    this.#clock = clock;
  }

  /** A frame is part of the write that is being put together. */
  took(packet: Packet, meter: TopicMeter | null): void {
    const { path, records } = packet;
    this.frames++;
    this.records[path] = (this.records[path] as number) + records;
    this.#writeRecords += records;
    this.#last = packet;
    this.#meter = meter;
    if (meter !== null) meter.delivered(path, records, packet.bytes.length + WS_HEADER_BYTES);
  }

  /** The write goes out. */
  wrote(bytes: number): void {
    this.writes++;
    this.bytes += bytes;
    const records = this.#writeRecords;
    this.#writeRecords = 0;
    if ((this.#written++ & SAMPLE_MASK) !== 0) return;
    this.#metrics.bytesPerWrite.with().record(bytes);
    if (records > 0) this.#measure(records, this.#last as Packet);
  }

  #measure(records: number, last: Packet): void {
    this.#metrics.recordsPerWrite.with().record(records);
    // Clocks of producers and brokers may be ahead of ours.
    const lagMs = Math.max(0, this.#clock.nowMs() - last.timestampMs);
    this.#metrics.deliveryLag.with().record(lagMs);
    this.#meter?.lag.record(lagMs);
  }

  /** The tick is over. */
  flush(tickMs: number): void {
    const metrics = this.#metrics;
    metrics.tick.with().record(tickMs);
    if (this.writes === 0) return;
    metrics.writes.with().add(this.writes);
    metrics.bytesOut.with().add(this.bytes);
    metrics.framesOut.with('records').add(this.frames);
    const encoded = this.#encodings.count;
    this.#encodings.count = 0;
    metrics.framesEncoded.with().add(encoded);
    metrics.framesShared.with().add(Math.max(0, this.frames - encoded));
    metrics.recordsDelivered.with('hot').add(this.records[0] as number);
    metrics.recordsDelivered.with('cold').add(this.records[1] as number);
    metrics.recordsDelivered.with('conflated').add(this.records[2] as number);
    const unsentMax = metrics.unsentBytesMax.with();
    if (this.unsentMax > unsentMax.value) unsentMax.set(this.unsentMax);
    this.writes = 0;
    this.bytes = 0;
    this.frames = 0;
    this.records.fill(0);
  }
}

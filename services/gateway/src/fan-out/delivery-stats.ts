import type { GatewayMetrics } from '../metrics.ts';
import type { EncodingCount } from './packet-maker.ts';

/** Every so many writes one is measured for the distributions. */
const SAMPLE_MASK = 63;

/** Counts of the hot loop: plain numbers, handed to the metrics once per tick. */
export class DeliveryStats {
  readonly #metrics: GatewayMetrics;
  readonly #encodings: EncodingCount;
  writes = 0;
  bytes = 0;
  frames = 0;
  /** By `DeliveryPath`. */
  readonly records = [0, 0, 0];
  unsentMax = 0;
  #written = 0;

  constructor(metrics: GatewayMetrics, encodings: EncodingCount) {
    this.#metrics = metrics;
    this.#encodings = encodings;
  }

  /** One write went out. */
  wrote(bytes: number, records: number, lagMs: number): void {
    this.writes++;
    this.bytes += bytes;
    if ((this.#written++ & SAMPLE_MASK) !== 0) return;
    this.#metrics.bytesPerWrite.with().record(bytes);
    if (records === 0) return;
    this.#metrics.recordsPerWrite.with().record(records);
    this.#metrics.deliveryLag.with().record(lagMs);
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

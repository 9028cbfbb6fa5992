import type { Prng } from '@millrace/base';
import { murmur2 } from '@millrace/bytes';

/** Chooses a partition for a record that names none. */
export interface Partitioner {
  /**
   * @param key null for none.
   * @param partitionCount partitions of the topic, at least 1.
   * @param recordBytes about how large the record is.
   */
  partition(
    topic: string,
    key: Uint8Array | null,
    partitionCount: number,
    recordBytes: number,
  ): number;
}

/**
 * What Kafka's Java producer does: murmur2 of the key, so that the same key meets the same partition
 * whichever client sends it; without a key one partition until `stickyBytes` went there, then another
 * at random (KIP-480, KIP-794).
 */
export class DefaultPartitioner implements Partitioner {
  readonly #random: Prng;
  readonly #stickyBytes: number;
  readonly #sticky = new Map<string, { partition: number; bytes: number }>();

  constructor(random: Prng, stickyBytes: number) {
    this.#random = random;
    this.#stickyBytes = stickyBytes;
  }

  partition(
    topic: string,
    key: Uint8Array | null,
    partitionCount: number,
    recordBytes: number,
  ): number {
    if (key !== null) return (murmur2(key) & 0x7fffffff) % partitionCount;
    let current = this.#sticky.get(topic);
    if (
      current === undefined ||
      current.bytes >= this.#stickyBytes ||
      current.partition >= partitionCount
    ) {
      current = { partition: this.#choose(current?.partition, partitionCount), bytes: 0 };
      this.#sticky.set(topic, current);
    }
    current.bytes += recordBytes;
    return current.partition;
  }

  #choose(previous: number | undefined, partitionCount: number): number {
    if (partitionCount === 1) return 0;
    if (previous === undefined || previous >= partitionCount) {
      return this.#random.below(partitionCount);
    }
    const step = 1 + this.#random.below(partitionCount - 1);
    return (previous + step) % partitionCount;
  }
}

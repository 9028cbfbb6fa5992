import { BatchBuilder } from '@millrace/records';
import type { PartitionRead, PartitionSource } from '../../upstream.ts';
import { ModelSource } from './model-source.ts';

const BATCH_RECORDS = 5000;

/**
 * A partition of very many records with the key "hay", and one "needle": each batch is the same bytes with another base
 * offset, which no CRC covers.
 */
export class Haystack {
  readonly source: PartitionSource;
  readonly singleReads: number[] = [];
  end = 0;
  readonly #needleAt: number;
  readonly #hay = batchOf(-1);
  readonly #wakes = new Set<() => void>();

  constructor(needleAt: number) {
    this.#needleAt = needleAt;
    const model = new ModelSource();
    this.source = {
      lookUp: (topic) => model.lookUp(topic),
      epochEnd: () => Promise.resolve({ leaderEpoch: 0, endOffset: this.end }),
      bounds: () => {
        const { end } = this;
        return Promise.resolve({ logStart: 0, end, highWatermark: end, leaderEpoch: 0 });
      },
      readOnce: (_place, _isolation, offset) => {
        this.singleReads.push(offset);
        return Promise.resolve(this.#read(offset));
      },
      follow: (_place, _isolation, offset, _epoch, onRead) => {
        let wantedAt = offset;
        const wake = () =>
          queueMicrotask(() => {
            if (wantedAt < 0 || wantedAt >= this.end || !this.#wakes.has(wake)) return;
            const at = wantedAt;
            wantedAt = -1;
            onRead(this.#read(at));
          });
        this.#wakes.add(wake);
        wake();
        const next = (at: number) => {
          wantedAt = at;
          wake();
        };
        return { next, stop: () => void this.#wakes.delete(wake) };
      },
    };
  }

  /** The log has so many records more: a multiple of 5,000. */
  grow(count: number): void {
    this.end += count;
    for (const wake of this.#wakes) wake();
  }

  #read(fetchOffset: number): PartitionRead {
    const base = fetchOffset - (fetchOffset % BATCH_RECORDS);
    const needle = this.#needleAt - base;
    const isHay = needle < 0 || needle >= BATCH_RECORDS;
    const batches = isHay ? this.#hay.slice() : batchOf(needle);
    new DataView(batches.buffer, batches.byteOffset).setBigInt64(0, BigInt(base));
    return {
      topic: 'topic',
      partition: 0,
      fetchOffset,
      errorCode: 0,
      highWatermark: this.end,
      lastStableOffset: this.end,
      logStartOffset: 0,
      divergingEpoch: undefined,
      abortedTransactions: [],
      batches: fetchOffset < this.end ? batches : new Uint8Array(),
    };
  }
}

function batchOf(needle: number): Uint8Array {
  const builder = new BatchBuilder(1 << 17);
  const [hayKey, needleKey] = [Buffer.from('hay'), Buffer.from('needle')];
  for (let i = 0; i < BATCH_RECORDS; i++) {
    const key = i === needle ? needleKey : hayKey;
    builder.append({ timestampMs: 0, key, value: null, headers: [] });
  }
  return builder.build({ baseOffset: 0, leaderEpoch: 0 });
}

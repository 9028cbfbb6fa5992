import { BatchView } from '@millrace/records';

/** A partition of a coordinator's topic in memory, for tests: keeps what is appended, fails on demand. */
export class MemoryPartition {
  readonly logStartOffset = 0;
  logEndOffset = 0;
  readonly batches: Uint8Array[] = [];
  /** Answered to appends instead of keeping them. */
  errorCode = 0;
  /** Appends are kept and answered only when `release` is called. */
  isHeld = false;
  readonly #held: (() => void)[] = [];

  appendOwned(batch: Uint8Array): Promise<{ errorCode: number }> {
    const { errorCode } = this;
    if (errorCode === 0) this.put(batch);
    return new Promise((resolve) => {
      const answer = () => resolve({ errorCode });
      if (this.isHeld) this.#held.push(answer);
      else answer();
    });
  }

  /** Stamps a batch with the next offset and keeps it. */
  put(batch: Uint8Array): void {
    new DataView(batch.buffer, batch.byteOffset).setBigInt64(0, BigInt(this.logEndOffset));
    this.logEndOffset += new BatchView(batch).lastOffsetDelta + 1;
    this.batches.push(batch);
  }

  release(): void {
    this.isHeld = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  async read(offset: number, maxBytes: number): Promise<Uint8Array> {
    const from = this.batches.findIndex((batch) => new BatchView(batch).lastOffset >= offset);
    const taken: Uint8Array[] = [];
    let size = 0;
    for (const batch of from < 0 ? [] : this.batches.slice(from)) {
      if (taken.length > 0 && size + batch.length > maxBytes) break;
      taken.push(batch);
      size += batch.length;
    }
    return Buffer.concat(taken);
  }
}

/** The partitions of a coordinator's topic; survives a restart of the coordinator under test. */
export class MemoryTopic {
  readonly partitions: MemoryPartition[];
  /** Topics whose deletion is finished by the next start. */
  readonly deletedTopics = new Set<string>();
  /** Ids given out, so that none comes twice. */
  uuidCount = 0;

  constructor(partitionCount = 4) {
    this.partitions = Array.from({ length: partitionCount }, () => new MemoryPartition());
  }
}

export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array | null;
}

/** A record as a view on its block, decoded where it is looked at. */
export interface GatewayRecord {
  readonly offset: number;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Names may repeat. */
  readonly headers: readonly RecordHeader[];
  /** The value as UTF-8 text. */
  text(): string | null;
  /** The value as JSON. @throws SyntaxError when it is none. */
  json<T>(): T | null;
  /** The same record in memory of its own, so that it does not keep its whole block alive. */
  copy(): GatewayRecord;
}

/** Records of one partition that cover `[fromOffset, nextOffset)`. Can be iterated more than once. */
export interface RecordBlock extends Iterable<GatewayRecord> {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: number;
  readonly nextOffset: number;
  /** −1 = unknown. */
  readonly leaderEpoch: number;
  /** End of the log for this reader when the block was made; −1 = hidden. */
  readonly highWatermark: number;
  readonly count: number;
  /** Only the latest record of each key is in it. */
  readonly conflated: boolean;
  /** Part of the snapshot that `start: 'keySnapshot'` begins with. */
  readonly snapshot: boolean;
}

/** Ids of Kafka's compression codecs, as they stand in the attributes of a record batch. */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];
export type CodecName = keyof typeof Codec;

/** The codec of a `compression.type` such as `lz4`; undefined for another text (`producer` is not a codec). */
export function codecOf(name: string): Codec | undefined {
  return Object.hasOwn(Codec, name) ? Codec[name as CodecName] : undefined;
}

interface LevelRange {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** Kafka's ranges of `compression.<codec>.level` (KIP-390). */
const LEVELS: Readonly<Partial<Record<Codec, LevelRange>>> = {
  [Codec.gzip]: { min: 1, max: 9, initial: -1 },
  [Codec.lz4]: { min: 1, max: 17, initial: 9 },
  [Codec.zstd]: { min: -131_072, max: 22, initial: 3 },
};

/** The level used when none is named; undefined for codecs without levels. -1 of gzip is zlib's own choice. */
export function defaultLevel(codec: Codec): number | undefined {
  return LEVELS[codec]?.initial;
}

/** Whether a codec takes this level: gzip -1 and 1 … 9, lz4 1 … 17, zstd -131072 … 22. */
export function isLevel(codec: Codec, level: number): boolean {
  const range = LEVELS[codec];
  if (range === undefined || !Number.isInteger(level)) return false;
  return level === range.initial || (level >= range.min && level <= range.max);
}

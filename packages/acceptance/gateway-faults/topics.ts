/** A topic of the run. */
export interface Topic {
  readonly name: string;
  readonly partitionCount: number;
  readonly isCompacted: boolean;
  /** Keys a record may have; 0 = records without key. */
  readonly keyCount: number;
  readonly configs: Readonly<Record<string, string>>;
}

export const PLAIN: Topic = {
  name: 'plain',
  partitionCount: 3,
  isCompacted: false,
  keyCount: 0,
  configs: {},
};

export const KEYED: Topic = {
  name: 'keyed',
  partitionCount: 2,
  isCompacted: false,
  keyCount: 1_000,
  configs: {},
};

export const COMPACTED: Topic = {
  name: 'compacted',
  partitionCount: 2,
  isCompacted: true,
  keyCount: 200,
  configs: {
    'cleanup.policy': 'compact',
    'segment.bytes': '1048576',
    'segment.ms': '1000',
    'min.cleanable.dirty.ratio': '0.01',
    // The oracle has to read a record before it is compacted away.
    'min.compaction.lag.ms': '8000',
  },
};

/** Deleted and made again in the course of the run: one partition, as the event names none. */
export const REBORN: Topic = {
  name: 'reborn',
  partitionCount: 1,
  isCompacted: false,
  keyCount: 100,
  configs: {},
};

export const TOPICS: readonly Topic[] = [PLAIN, KEYED, COMPACTED, REBORN];

import { booleanConfig, doubleConfig, intConfig, listConfig, longConfig } from '@millrace/base';
import { serverLimits } from '@millrace/gateway-protocol';

const MIB = 1 << 20;
const CODECS = ['lz4', 'deflate-raw', 'zstd'] as const;

/** Name of a codec in the configuration, in order of preference. */
export type CodecName = (typeof CODECS)[number];

/** The way of a record from the cluster to the clients. */
export const deliveryRows = {
  ringPartitionBytes: longConfig({
    name: 'gateway.ring.partition.bytes',
    default: 16 * MIB,
    atLeast: 65_536,
    sentence: 'Recent blocks kept of one partition, encoded copies included.',
  }),
  ringTotalBytes: longConfig({
    name: 'gateway.ring.total.bytes',
    default: 1024 * MIB,
    atLeast: MIB,
    sentence: 'Recent blocks kept of all partitions of one process.',
  }),
  feedLingerMs: intConfig({
    name: 'gateway.feed.linger.ms',
    default: 30_000,
    atLeast: 0,
    sentence: 'Time a partition is read on after its last subscriber left.',
  }),
  coldReadBytes: intConfig({
    name: 'gateway.cold.read.bytes',
    default: MIB,
    atLeast: 65_536,
    atMost: 64 * MIB,
    sentence: 'Size of one read for subscribers behind the ring.',
  }),
  coldCacheBytes: longConfig({
    name: 'gateway.cold.cache.bytes',
    default: 256 * MIB,
    atLeast: MIB,
    sentence: 'Blocks kept of such reads.',
  }),
  coldConcurrency: intConfig({
    name: 'gateway.cold.concurrency',
    default: 32,
    atLeast: 1,
    atMost: 1024,
    sentence: 'Such reads at the same time.',
  }),
  coldEgressRatio: doubleConfig({
    name: 'gateway.cold.egress.ratio',
    default: 0.3,
    atLeast: 0.01,
    atMost: 1,
    sentence:
      'Share of what is sent that subscribers behind the ring may take while live ones wait.',
  }),
  conflateMaxKeys: intConfig({
    name: 'gateway.conflate.max.keys',
    default: 100_000,
    atLeast: 1,
    sentence: 'Keys in a latest-by-key list of one partition.',
  }),
  conflateMaxBytes: longConfig({
    name: 'gateway.conflate.max.bytes',
    default: 64 * MIB,
    atLeast: 65_536,
    sentence: 'Bytes of a latest-by-key list of one partition.',
  }),
  conflateTotalBytes: longConfig({
    name: 'gateway.conflate.total.bytes',
    default: 256 * MIB,
    atLeast: 65_536,
    sentence: 'Bytes of all latest-by-key lists of one process.',
  }),
  tickMs: intConfig({
    name: 'gateway.tick.ms',
    default: 1,
    atLeast: 0,
    atMost: 1000,
    sentence: 'Least time between two passes of the delivery loop.',
  }),
  tickBudgetMs: intConfig({
    name: 'gateway.tick.budget.ms',
    default: 4,
    atLeast: 1,
    atMost: 1000,
    sentence: 'Longest pass of the delivery loop before it gives way.',
  }),
  recordMaxBytes: intConfig({
    name: 'gateway.record.max.bytes',
    default: MIB,
    atLeast: 1024,
    // Clients take no larger block, and what a record takes in one is reckoned to within a few bytes.
    atMost: serverLimits.rawBytes - 1024,
    sentence: 'Largest record delivered; a larger one is an announced gap.',
  }),
  skipUnreadable: booleanConfig({
    name: 'gateway.skip.unreadable',
    default: false,
    sentence: 'Record batches that cannot be read are announced gaps; else streams fail there.',
  }),
  compressionTopics: listConfig({
    name: 'gateway.compression.topics',
    default: '',
    validText: 'topic, prefix* or *, …',
    read: (items) => items,
    sentence:
      'Topics whose blocks may be compressed: never secrets beside what an attacker writes.',
  }),
  compressionCodecs: listConfig({
    name: 'gateway.compression.codecs',
    default: CODECS.join(','),
    oneOf: CODECS,
    read: (items) => items as readonly CodecName[],
    sentence: 'Codecs that are offered to clients.',
  }),
  compressionMinBytes: intConfig({
    name: 'gateway.compression.min.bytes',
    default: 512,
    atLeast: 0,
    sentence: 'Smaller blocks go uncompressed.',
  }),
};

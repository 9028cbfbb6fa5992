import { booleanConfig, intConfig, longConfig } from '@millrace/base';

const MIB = 1 << 20;

/** What clients may publish. */
export const publishRows = {
  publishMaxBytes: intConfig({
    name: 'gateway.publish.max.bytes',
    default: 49_152,
    atLeast: 256,
    atMost: 65_536,
    sentence: 'Largest record that a client may publish: key, value and headers.',
  }),
  publishInflightRecords: intConfig({
    name: 'gateway.publish.inflight.records',
    default: 64,
    atLeast: 1,
    atMost: 100_000,
    sentence: 'Records of one connection that wait for their result.',
  }),
  publishInflightBytes: intConfig({
    name: 'gateway.publish.inflight.bytes',
    default: 262_144,
    atLeast: 1024,
    atMost: 64 * MIB,
    sentence: 'Bytes of one connection that wait for their result.',
  }),
  publishInflightTotalBytes: longConfig({
    name: 'gateway.publish.inflight.total.bytes',
    default: 64 * MIB,
    atLeast: 65_536,
    sentence: 'Bytes of all connections of one process that wait for their result.',
  }),
  publishSessionsMax: intConfig({
    name: 'gateway.publish.sessions.max',
    default: 4000,
    atLeast: 1,
    atMost: 1_000_000,
    sentence: 'Producer sessions remembered; the least recently used goes first.',
  }),
  publishSessionsWindow: intConfig({
    name: 'gateway.publish.sessions.window',
    default: 1024,
    atLeast: 1,
    atMost: 65_536,
    sentence: 'Results remembered of one producer session.',
  }),
  publishSessionsTtlMs: intConfig({
    name: 'gateway.publish.sessions.ttl.ms',
    default: 300_000,
    atLeast: 1000,
    sentence: 'Idle time after which a producer session is forgotten.',
  }),
  publishStamp: booleanConfig({
    name: 'gateway.publish.stamp',
    default: false,
    sentence: 'Adds x-gw-session and x-gw-seq to published records, so that readers can dedupe.',
  }),
};

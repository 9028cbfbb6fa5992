import { crc32c, DecodeError, EncodeError } from '@millrace/bytes';
import { canonicalFilter, filterKeys } from '../src/canonical-filter.ts';
import { compileFilter, filterNeedsHeaders } from '../src/compile-filter.ts';
import { Codec, Scope } from '../src/enums.ts';
import { FilterError, type FilterTree, filterToNodes, nodesToFilter } from '../src/filter.ts';
import type { FilterNode } from '../src/frame-parts.ts';
import { readMessage } from '../src/frame-reader.ts';
import { encodeMessage } from '../src/frame-writer.ts';
import { readJsonMessage } from '../src/json-reader.ts';
import { clientLimits, serverLimits } from '../src/limits.ts';
import type { MessageReading } from '../src/message-reading.ts';
import { type BlockBounds, PackedRecordsReader } from '../src/packed-records-reader.ts';
import { PackedRecordsWriter } from '../src/packed-records-writer.ts';
import { decodeResumeToken, encodeResumeToken, ResumeTokenError } from '../src/resume-token.ts';
import { type ReadMessage, readBeside, sameBeside } from './beside.ts';
import type { Target } from './guided.ts';
import { mutateBinary, mutateBytes, mutateText } from './mutations.ts';
import { blockSeeds, frameSeeds, treeSeeds } from './seeds.ts';

/** Every reader of bytes that the other side chose, of both subprotocols. */
export function protocolTargets(): Target[] {
  return [
    messages('binary, to a gateway', (bytes) => readMessage(bytes, 'toServer', clientLimits)),
    messages('binary, to a client', (bytes) => readMessage(bytes, 'toClient', serverLimits)),
    messages('JSON, to a gateway', (bytes) => readJsonMessage(bytes, 'toServer', clientLimits)),
    messages('JSON, to a client', (bytes) => readJsonMessage(bytes, 'toClient', serverLimits)),
    filters,
    resumeTokens,
    packedRecords,
  ];
}

/** Messages of one subprotocol and direction, and what is done next with the frames that were read. */
function messages(name: string, read: ReadMessage): Target {
  const isText = name.startsWith('JSON');
  return {
    name,
    seeds: frameSeeds(isText, name.endsWith('gateway') ? 'client' : 'server'),
    mutate: isText ? mutateText : mutateBinary,
    run: (message) => {
      const reading = readBeside(read, message);
      sameBeside(read, message, reading);
      useFrames(reading);
    },
  };
}

function useFrames(reading: MessageReading): void {
  if (!reading.ok) return;
  for (const frame of reading.frames) {
    if (frame.kind === 'refused') {
      const { req, sub, seq } = frame;
      encodeMessage([
        { kind: 'pubResult', seq, count: 1, code: frame.errorCode },
        { kind: 'error', scope: Scope.SUBSCRIPTION, id: req === 0 ? sub : req, code: 0 },
      ]);
    } else if (frame.kind === 'subscribe') {
      useFilter(frame.filter);
      if (frame.resume !== null) useToken(frame.resume);
    } else if (frame.kind === 'records' && frame.codec === Codec.NONE && frame.parts === 1) {
      useBlock(frame.payload ?? new Uint8Array(0), {
        count: frame.count,
        fromOffset: Number(frame.fromOffset),
        nextOffset: Number(frame.nextOffset),
        baseTimestamp: Number(frame.baseTimestamp),
      });
    }
  }
}

const KEYS = [null, Uint8Array.of(), Uint8Array.of(97), Uint8Array.of(98, 99)];
const HEADERS = [
  { name: 'kind', value: Uint8Array.of(97) },
  { name: 'h', value: null },
];

const filters: Target = {
  name: 'filters',
  seeds: treeSeeds(),
  mutate: mutateText,
  run: (text) => {
    let tree: FilterTree;
    try {
      tree = JSON.parse(new TextDecoder().decode(text)) as FilterTree;
    } catch {
      return;
    }
    const nodes = only(FilterError, () => filterToNodes(tree));
    if (nodes !== null) useFilter(nodes);
  },
};

/** Nodes that are a filter stay the same filter as a tree, and pass the same records. */
function useFilter(nodes: readonly FilterNode[]): void {
  if (nodes.length === 0) return;
  const test = only(FilterError, () => compileFilter(nodes));
  const canonical = only(FilterError, () => canonicalFilter(nodes));
  if (test === null) return;
  const again = filterToNodes(nodesToFilter(nodes));
  const twin = compileFilter(again);
  const keys = filterKeys(nodes)?.map((key) => Buffer.from(key).toString('hex'));
  const headers = filterNeedsHeaders(nodes) ? HEADERS : [];
  for (const key of KEYS) {
    const isMatch = test(key, headers);
    check(isMatch === twin(key, headers), 'a filter and its tree disagree');
    check(!isMatch || canonical !== null, 'a filter that matches nothing matched');
    const isListed = key !== null && keys?.includes(Buffer.from(key).toString('hex')) === true;
    check(!isMatch || keys === undefined || isListed, 'a key that passes is not listed');
  }
  check(canonicalFilter(again)?.tag === canonical?.tag, 'a filter changes its tag as a tree');
}

const resumeTokens: Target = {
  name: 'resume tokens',
  seeds: [0, 1, 3].map((count) =>
    encodeResumeToken({
      isUncommitted: count === 1,
      clusterTag: 7,
      topicId: new Uint8Array(16).fill(count),
      filterTag: 9,
      issuedAt: 1_700_000_000,
      positions: Array.from({ length: count }, (_, partition) => ({
        offset: 100n << BigInt(8 * partition),
        partition,
        epoch: partition - 1,
      })),
    }),
  ),
  mutate: (token, others, prng) => {
    const changed = mutateBytes(token, others, prng);
    // A checksum stands before all else: mostly it is right.
    if (changed.length < 4 || prng.below(8) === 0) return changed;
    const sealed = changed.slice();
    const end = sealed.length - 4;
    new DataView(sealed.buffer).setUint32(end, crc32c(sealed, 0, end), true);
    return sealed;
  },
  run: useToken,
};

function useToken(bytes: Uint8Array): void {
  const token = only(ResumeTokenError, () => decodeResumeToken(bytes));
  if (token === null) return;
  check(Buffer.from(encodeResumeToken(token)).equals(bytes), 'a token is written otherwise');
}

const packedRecords: Target = {
  name: 'packed records',
  seeds: blockSeeds(),
  mutate: mutateBytes,
  // The first byte is the count, the second how many offsets the block spans.
  run: ([count = 0, span = 0, ...block]) =>
    useBlock(Uint8Array.from(block), {
      ...{ count, fromOffset: 100, nextOffset: 100 + span * 4, baseTimestamp: 5_000 },
    }),
};

/** Records that can be read are inside of the block, ascend, and read the same when they are packed again. */
function useBlock(block: Uint8Array, bounds: BlockBounds): void {
  const records = only(DecodeError, () => recordsOf(block, bounds));
  if (records === null) return;
  check(records.length === bounds.count, 'another number of records');
  const writer = new PackedRecordsWriter(bounds.baseTimestamp);
  for (const { offset, timestamp, key, value, headers, isLogAppendTime } of records) {
    const delta = offset - bounds.fromOffset;
    if (
      only(EncodeError, () =>
        writer.append(delta, timestamp, key, value, headers, isLogAppendTime),
      ) === null
    )
      return;
  }
  const again = recordsOf(writer.borrow(), bounds);
  check(textOf(again) === textOf(records), 'records read otherwise when packed again');
}

function recordsOf(block: Uint8Array, bounds: BlockBounds) {
  const reader = new PackedRecordsReader(block, bounds);
  const records = [];
  let bytes = 0;
  while (reader.next()) {
    const { offset, timestamp, key, value, headers, isLogAppendTime } = reader;
    bytes += reader.bytes;
    records.push({ offset, timestamp, key, value, headers, isLogAppendTime });
  }
  check(bytes === block.length, 'records are not the whole block');
  return records;
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );

/** The result, or null when the one error that is allowed was thrown. */
function only<T>(Allowed: new (...args: never[]) => Error, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Allowed) return null;
    throw error;
  }
}

function check(isTrue: boolean, problem: string): void {
  if (!isTrue) throw new Error(problem);
}

import { crc32c, Reader } from '@millrace/bytes';
import type { DumpContext } from './dump-context.ts';
import type { SegmentFile } from './segment-file.ts';

const ABORTED_BYTES = 34;
const SNAPSHOT_VERSION = 1;
/** Version and checksum: what the checksum does not cover. */
const SNAPSHOT_CHECKED_FROM = 6;
const PRODUCER_BYTES = 46;

/** `.txnindex`: one entry for each aborted transaction. */
export function dumpTransactionIndex(file: SegmentFile, { print, problems }: DumpContext): void {
  const reader = new Reader(file.read(0, file.sizeBytes));
  while (reader.remaining >= ABORTED_BYTES) {
    const version = reader.int16();
    const fields = ['producerId', 'firstOffset', 'lastOffset', 'lastStableOffset'];
    const text = fields.map((name) => `${name}: ${reader.int64Big()}`);
    print(`version: ${version} ${text.join(' ')}`);
  }
  if (reader.remaining > 0) {
    problems.other(file.path, `${reader.remaining} bytes at the end are no entry`);
  }
}

/** `.snapshot`: the producers' state when a segment was rolled or the log closed. */
export function dumpProducerSnapshot(file: SegmentFile, { print, problems }: DumpContext): void {
  const bytes = file.read(0, file.sizeBytes);
  const reader = new Reader(bytes);
  const version = reader.int16();
  if (version !== SNAPSHOT_VERSION) problems.other(file.path, `snapshot version ${version}`);
  const stored = reader.uint32();
  const computed = crc32c(bytes, SNAPSHOT_CHECKED_FROM);
  if (stored !== computed)
    problems.other(file.path, `checksum ${stored}, its bytes give ${computed}`);
  const count = reader.int32();
  let read = 0;
  for (; read < count && reader.remaining >= PRODUCER_BYTES; read++) print(producerLine(reader));
  if (read !== count || reader.remaining > 0) {
    problems.other(
      file.path,
      `${read} of ${count} producers, then ${reader.remaining} bytes that are none`,
    );
  }
}

function producerLine(reader: Reader): string {
  const producerId = reader.int64Big();
  const epoch = reader.int16();
  const lastSequence = reader.int32();
  const lastOffset = reader.int64Big();
  const offsetDelta = reader.int32();
  const timestamp = reader.int64Big();
  const coordinatorEpoch = reader.int32();
  const open = reader.int64Big();
  const firstSequence = firstSequenceOf(lastSequence, offsetDelta);
  return [
    `producerId: ${producerId}`,
    `producerEpoch: ${epoch}`,
    `coordinatorEpoch: ${coordinatorEpoch}`,
    `currentTxnFirstOffset: ${open < 0n ? 'OptionalLong.empty' : `OptionalLong[${open}]`}`,
    `lastTimestamp: ${timestamp}`,
    // A producer whose last batch is not known has no sequences to show.
    ...(lastOffset < 0n && lastSequence < 0
      ? []
      : [
          `firstSequence: ${firstSequence}`,
          `lastSequence: ${lastSequence}`,
          `lastOffset: ${lastOffset}`,
          `offsetDelta: ${offsetDelta}`,
          `timestamp: ${timestamp}`,
        ]),
  ].join(' ');
}

/** Sequences wrap from 2³¹−1 to 0. */
function firstSequenceOf(lastSequence: number, offsetDelta: number): number {
  const first = lastSequence - offsetDelta;
  return first >= 0 || lastSequence < 0 ? first : first + 2 ** 31;
}

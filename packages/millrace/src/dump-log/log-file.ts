import {
  BatchView,
  ControlType,
  codecName,
  decodeControlRecord,
  RecordCursor,
  verifyCrc,
} from '@millrace/records';
import { batchesOf, type FoundBatch } from './batches.ts';
import type { DumpContext } from './dump-context.ts';
import { Inflater } from './inflater.ts';
import type { LegacyMessage } from './legacy-message.ts';
import { recordText } from './record-text.ts';
import type { SegmentFile } from './segment-file.ts';

/** Numbers of control types that end no transaction, as Kafka's tool names them. */
const CONTROL_NAMES: Readonly<Record<number, string>> = {
  [ControlType.leaderChange]: 'LEADER_CHANGE',
  [ControlType.snapshotHeader]: 'SNAPSHOT_HEADER',
  [ControlType.snapshotFooter]: 'SNAPSHOT_FOOTER',
  [ControlType.kraftVersion]: 'KRAFT_VERSION',
  [ControlType.kraftVoters]: 'KRAFT_VOTERS',
};

/** `.log`: a line for each batch, and for each record when asked. */
export function dumpLogFile(file: SegmentFile, context: DumpContext): void {
  const { options, print, problems } = context;
  print(`Log starting offset: ${file.baseOffset ?? 'unknown'}`);
  const end = Math.min(file.sizeBytes, options.bytesMax);
  const records = new RecordPrinter(file, context);
  const walk = batchesOf(file, 0, end);
  let step = walk.next();
  for (; !step.done; step = walk.next()) {
    const found = step.value;
    print(
      found.batch instanceof BatchView
        ? batchLine(found, found.batch)
        : legacyLine(found, found.batch),
    );
    if (options.isDeep) records.printAll(found);
  }
  const { validBytes, problem } = step.value;
  if (end < file.sizeBytes || validBytes === file.sizeBytes) return;
  print(`Found ${file.sizeBytes - validBytes} invalid bytes at the end of ${file.name}`);
  if (problem !== undefined) problems.other(file.path, `At position ${validBytes}: ${problem}`);
}

class RecordPrinter {
  readonly #file: SegmentFile;
  readonly #context: DumpContext;
  readonly #inflater: Inflater;
  readonly #cursor = new RecordCursor();
  #lastOffset: number | undefined;

  constructor(file: SegmentFile, context: DumpContext) {
    this.#file = file;
    this.#context = context;
    this.#inflater = new Inflater(context.options.messageBytesMax);
  }

  /** Prints the records of a batch as far as they can be read. */
  printAll(found: FoundBatch): void {
    const { batch } = found;
    if (!(batch instanceof BatchView)) {
      this.#legacy(batch);
      return;
    }
    try {
      const cursor = this.#cursor.reset(batch, this.#inflater.body(batch));
      while (cursor.next()) {
        this.#follow(cursor.offset);
        this.#context.print(this.#line(batch));
      }
    } catch (error) {
      const text = `At position ${found.position}: the batch of offset ${batch.baseOffset} cannot be read: ${(error as Error).message}`;
      this.#context.problems.other(this.#file.path, text);
    }
  }

  #legacy(message: LegacyMessage): void {
    if (message.codec !== 0) {
      const text = `Offset ${message.offset}: compressed messages of format ${message.magic} are not inflated`;
      this.#context.problems.other(this.#file.path, text);
      return;
    }
    this.#follow(message.offset);
    const metadata = this.#context.options.printsMetadata
      ? ` offset: ${message.offset} ${message.timestampType}: ${message.timestampMs} keySize: ${message.key?.length ?? -1} valueSize: ${message.value?.length ?? -1} isValid: ${message.isValid} crc: ${message.crc}`
      : '';
    this.#context.print(
      `|${metadata}${this.#contents(message.offset, message.key, message.value)}`,
    );
  }

  #line(batch: BatchView): string {
    const cursor = this.#cursor;
    let line = this.#context.options.printsMetadata ? `| ${recordMetadata(batch, cursor)}` : '|';
    if (batch.isControl) {
      if (!this.#context.options.printsMetadata) return '';
      line += controlText(cursor);
    } else {
      line += this.#contents(cursor.offset, cursor.key, cursor.value);
    }
    return line;
  }

  #contents(offset: number, key: Uint8Array | null, value: Uint8Array | null): string {
    if (!this.#context.options.printsContents) return '';
    const text = recordText(this.#context.options, offset, key, value);
    return `${text.key === undefined ? '' : ` key: ${text.key}`}${text.payload === undefined ? '' : ` payload: ${text.payload}`}`;
  }

  #follow(offset: number): void {
    const last = this.#lastOffset;
    if (last !== undefined && offset !== last + 1) {
      this.#context.problems.nonConsecutive(this.#file.path, last, offset);
    }
    this.#lastOffset = offset;
  }
}

function batchLine({ position }: FoundBatch, batch: BatchView): string {
  const horizon = batch.deleteHorizonMs;
  return [
    `baseOffset: ${batch.baseOffset}`,
    `lastOffset: ${batch.lastOffset}`,
    `count: ${batch.recordCount}`,
    `baseSequence: ${batch.baseSequence}`,
    `lastSequence: ${batch.lastSequence}`,
    `producerId: ${batch.producerId}`,
    `producerEpoch: ${batch.producerEpoch}`,
    `partitionLeaderEpoch: ${batch.leaderEpoch}`,
    `isTransactional: ${batch.isTransactional}`,
    `isControl: ${batch.isControl}`,
    `deleteHorizonMs: ${horizon === undefined ? 'OptionalLong.empty' : `OptionalLong[${horizon}]`}`,
    `position: ${position}`,
    `${batch.timestampType}: ${batch.maxTimestamp}`,
    `size: ${batch.lengthBytes}`,
    `magic: ${batch.magic}`,
    `compresscodec: ${codecName(batch.codec) ?? `unknown(${batch.codec})`}`,
    `crc: ${batch.crc}`,
    `isvalid: ${verifyCrc(batch.bytes, batch.position)}`,
  ].join(' ');
}

function legacyLine({ position, lengthBytes }: FoundBatch, message: LegacyMessage): string {
  return [
    `offset: ${message.offset}`,
    `position: ${position}`,
    `${message.timestampType}: ${message.timestampMs}`,
    `size: ${lengthBytes}`,
    `magic: ${message.magic}`,
    `compresscodec: ${message.codecName}`,
    `crc: ${message.crc}`,
    `isvalid: ${message.isValid}`,
  ].join(' ');
}

function recordMetadata(batch: BatchView, cursor: RecordCursor): string {
  const headerKeys = cursor.headers.map(({ key }) => key).join(',');
  return `offset: ${cursor.offset} ${batch.timestampType}: ${cursor.timestampMs} keySize: ${cursor.keyBytes} valueSize: ${cursor.valueBytes} sequence: ${cursor.sequence} headerKeys: [${headerKeys}]`;
}

function controlText(cursor: RecordCursor): string {
  const { type, coordinatorEpoch } = decodeControlRecord(cursor.key, cursor.value);
  if (type === ControlType.abort || type === ControlType.commit) {
    const name = type === ControlType.commit ? 'COMMIT' : 'ABORT';
    return ` endTxnMarker: ${name} coordinatorEpoch: ${coordinatorEpoch ?? 'unknown'}`;
  }
  return ` controlType: ${CONTROL_NAMES[type] ?? 'UNKNOWN'}(${type})`;
}

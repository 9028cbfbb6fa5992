import {
  type BatchView,
  ControlType,
  codecName,
  decodeControlRecord,
  type RecordCursor,
  verifyCrc,
} from '@millrace/records';
import type { FoundBatch } from './batches.ts';
import type { LegacyMessage } from './legacy-message.ts';

/* The lines of Kafka's DumpLogSegments, as of 4.3. */

/** Numbers of control types that end no transaction, as Kafka's tool names them. */
const CONTROL_NAMES: Readonly<Record<number, string>> = {
  [ControlType.leaderChange]: 'LEADER_CHANGE',
  [ControlType.snapshotHeader]: 'SNAPSHOT_HEADER',
  [ControlType.snapshotFooter]: 'SNAPSHOT_FOOTER',
  [ControlType.kraftVersion]: 'KRAFT_VERSION',
  [ControlType.kraftVoters]: 'KRAFT_VOTERS',
};

/** The line of a record batch. */
export function batchLine({ position }: FoundBatch, batch: BatchView): string {
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

/** The line of a message of format 0 or 1. */
export function legacyLine({ position, lengthBytes }: FoundBatch, message: LegacyMessage): string {
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

/** What is printed of a record before its contents. */
export function recordMetadata(batch: BatchView, cursor: RecordCursor): string {
  return [
    `offset: ${cursor.offset}`,
    `${batch.timestampType}: ${cursor.timestampMs}`,
    `keySize: ${cursor.keyBytes}`,
    `valueSize: ${cursor.valueBytes}`,
    `sequence: ${cursor.sequence}`,
    `headerKeys: [${cursor.headers.map(({ key }) => key).join(',')}]`,
  ].join(' ');
}

/** The same for a message of format 0 or 1. */
export function legacyMetadata(message: LegacyMessage): string {
  return [
    `offset: ${message.offset}`,
    `${message.timestampType}: ${message.timestampMs}`,
    `keySize: ${message.key?.length ?? -1}`,
    `valueSize: ${message.value?.length ?? -1}`,
    `isValid: ${message.isValid}`,
    `crc: ${message.crc}`,
  ].join(' ');
}

/** What is printed in place of a control record's contents. @throws DecodeError */
export function controlText(cursor: RecordCursor): string {
  const { type, coordinatorEpoch } = decodeControlRecord(cursor.key, cursor.value);
  if (type === ControlType.abort || type === ControlType.commit) {
    const name = type === ControlType.commit ? 'COMMIT' : 'ABORT';
    return ` endTxnMarker: ${name} coordinatorEpoch: ${coordinatorEpoch ?? 'unknown'}`;
  }
  return ` controlType: ${CONTROL_NAMES[type] ?? 'UNKNOWN'}(${type})`;
}

import { BatchView, RecordCursor } from '@millrace/records';
import {
  batchLine,
  controlText,
  legacyLine,
  legacyMetadata,
  recordMetadata,
} from './batch-text.ts';
import { batchesOf, type FoundBatch } from './batches.ts';
import type { DumpContext } from './dump-context.ts';
import { Inflater } from './inflater.ts';
import type { LegacyMessage } from './legacy-message.ts';
import { recordText } from './record-text.ts';
import type { SegmentFile } from './segment-file.ts';

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
      const where = `At position ${found.position}: the batch of offset ${batch.baseOffset}`;
      const text = `${where} cannot be read: ${(error as Error).message}`;
      this.#context.problems.other(this.#file.path, text);
    }
  }

  #legacy(message: LegacyMessage): void {
    if (message.codec !== 0) {
      const text = `compressed messages of format ${message.magic} are not inflated`;
      this.#context.problems.other(this.#file.path, `Offset ${message.offset}: ${text}`);
      return;
    }
    this.#follow(message.offset);
    const metadata = this.#context.options.printsMetadata ? ` ${legacyMetadata(message)}` : '';
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
    const keyPart = text.key === undefined ? '' : ` key: ${text.key}`;
    return text.payload === undefined ? keyPart : `${keyPart} payload: ${text.payload}`;
  }

  #follow(offset: number): void {
    const last = this.#lastOffset;
    if (last !== undefined && offset !== last + 1) {
      this.#context.problems.nonConsecutive(this.#file.path, last, offset);
    }
    this.#lastOffset = offset;
  }
}

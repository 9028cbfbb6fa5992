import type { Codec } from './codec.ts';
import { compress, decompress } from './compress.ts';
import { CompressionError, type CompressionFailure } from './compression-error.ts';

/** One piece of work: inflate with `from`, then deflate with `to`. Either may be none. */
export interface CompressionTask {
  readonly from: Codec;
  readonly to: Codec;
  /** Of `to`; its default when undefined. */
  readonly level: number | undefined;
  readonly bytes: Uint8Array;
  /** Limit of the inflated bytes. */
  readonly maxOutputBytes: number;
}

/** What a worker answers. Errors travel as data: a class does not survive the way between threads. */
export type CompressionResult =
  | { readonly bytes: Uint8Array }
  | { readonly reason: CompressionFailure; readonly message: string };

/** Runs a task in this thread. @throws CompressionError, RangeError as `compress` and `decompress` do. */
export function runTask(task: CompressionTask): Uint8Array {
  return compress(task.to, decompress(task.from, task.bytes, task.maxOutputBytes), task.level);
}

/** Runs a task; a CompressionError becomes its answer. */
export function answerTask(task: CompressionTask): CompressionResult {
  try {
    return { bytes: runTask(task) };
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    return { reason: error.reason, message: error.message };
  }
}

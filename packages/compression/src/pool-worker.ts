import { move, transferableSymbol, valueSymbol } from 'piscina';
import { answerTask, type CompressionResult, type CompressionTask } from './compression-task.ts';

/** The body of a CompressionPool's thread. */
export function work(task: CompressionTask): CompressionResult {
  const result = answerTask(task);
  if (!('bytes' in result)) return result;
  // Memory of a native library cannot be handed to another thread: copy, then move the copy.
  const bytes = new Uint8Array(result.bytes);
  const message = { [transferableSymbol]: bytes.buffer, [valueSymbol]: { bytes } };
  return move(message) as unknown as CompressionResult;
}

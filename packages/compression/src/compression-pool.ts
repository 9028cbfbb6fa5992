import type { Piscina } from 'piscina';
import { Codec, defaultLevel } from './codec.ts';
import { CompressionError } from './compression-error.ts';
import { type CompressionResult, type CompressionTask, runTask } from './compression-task.ts';

export interface CompressionPoolOptions {
  /** Most threads at once. They start with the first large task and end when idle. Default 1. */
  readonly threadsMax?: number;
  /** Most bytes that wait or are worked on; a task beyond them is refused. Default 64 MiB. */
  readonly queueBytesMax?: number;
  /** Most tasks that wait or are worked on. Default 1024. */
  readonly queueCountMax?: number;
  /**
   * Inputs up to this many bytes are done at once in the calling thread. 0 (default): never, for callers whose
   * thread must not stall.
   */
  readonly inThreadBytesMax?: number;
  /** How long an idle thread is kept. Default 10,000. */
  readonly idleTimeoutMs?: number;
}

export interface Recompression {
  readonly from: Codec;
  readonly to: Codec;
  readonly level?: number;
  readonly bytes: Uint8Array;
  /** Limit of the inflated bytes. */
  readonly maxOutputBytes: number;
}

/** In the calling thread nothing is inflated beyond this multiple of `inThreadBytesMax`. */
const IN_THREAD_EXPANSION_MAX = 16;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/**
 * Compression on worker threads, within one bounded queue. Inputs are copied before a call returns, so they
 * may be borrowed. Nothing is started before the first task that needs a thread.
 */
export class CompressionPool {
  readonly #threadsMax: number;
  readonly #queueBytesMax: number;
  readonly #queueCountMax: number;
  readonly #inThreadBytesMax: number;
  readonly #idleTimeoutMs: number;
  readonly #pending = new Set<Promise<unknown>>();
  #pendingBytes = 0;
  #threads: Promise<Piscina> | undefined;
  #isClosed = false;

  constructor(options: CompressionPoolOptions = {}) {
    this.#threadsMax = options.threadsMax ?? 1;
    this.#queueBytesMax = options.queueBytesMax ?? 64 << 20;
    this.#queueCountMax = options.queueCountMax ?? 1024;
    this.#inThreadBytesMax = options.inThreadBytesMax ?? 0;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 10_000;
  }

  /** Input bytes that wait or are worked on. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Tasks that wait or are worked on. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** As `compress`. Rejects with CompressionError `queueFull` or `closed` too. */
  compress(codec: Codec, bytes: Uint8Array, level = defaultLevel(codec)): Promise<Uint8Array> {
    return this.#run({ from: Codec.none, to: codec, level, bytes, maxOutputBytes: UNLIMITED });
  }

  /** As `decompress`. Rejects with CompressionError `queueFull` or `closed` too. */
  decompress(codec: Codec, bytes: Uint8Array, maxOutputBytes: number): Promise<Uint8Array> {
    return this.#run({ from: codec, to: Codec.none, level: undefined, bytes, maxOutputBytes });
  }

  /** Inflates and deflates in one task: the bytes of one codec in another. */
  recompress(work: Recompression): Promise<Uint8Array> {
    return this.#run({ ...work, level: work.level ?? defaultLevel(work.to) });
  }

  /** Takes no more work, waits for what was taken, and ends the threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#pending);
    const threads = await this.#threads;
    this.#threads = undefined;
    await threads?.destroy();
  }

  #run(task: CompressionTask): Promise<Uint8Array> {
    if (this.#isClosed) {
      return Promise.reject(new CompressionError('closed', 'the compression pool is closed'));
    }
    try {
      const done = this.#inThread(task);
      if (done !== undefined) return Promise.resolve(done);
    } catch (error) {
      return Promise.reject(error);
    }
    const size = task.bytes.length;
    // One task of any size is taken when nothing else waits, so that a large batch is late, not impossible.
    const isFull =
      this.#pending.size >= this.#queueCountMax ||
      (this.#pending.size > 0 && this.#pendingBytes + size > this.#queueBytesMax);
    if (isFull) {
      const text = `${this.#pending.size} tasks and ${this.#pendingBytes} bytes wait for compression`;
      return Promise.reject(new CompressionError('queueFull', text));
    }
    const result = this.#onThread({ ...task, bytes: new Uint8Array(task.bytes) });
    this.#pending.add(result);
    this.#pendingBytes += size;
    const settled = () => {
      this.#pending.delete(result);
      this.#pendingBytes -= size;
    };
    result.then(settled, settled);
    return result;
  }

  /** Undefined when the task is for a thread: its input is large, or turned out to inflate to much. */
  #inThread(task: CompressionTask): Uint8Array | undefined {
    if (task.from === Codec.none && task.to === Codec.none) return task.bytes;
    if (task.bytes.length > this.#inThreadBytesMax) return undefined;
    const limit = this.#inThreadBytesMax * IN_THREAD_EXPANSION_MAX;
    if (limit >= task.maxOutputBytes) return runTask(task);
    try {
      return runTask({ ...task, maxOutputBytes: limit });
    } catch (error) {
      if (error instanceof CompressionError && error.reason === 'outputLimit') return undefined;
      throw error;
    }
  }

  async #onThread(task: CompressionTask): Promise<Uint8Array> {
    this.#threads ??= startThreads(this.#threadsMax, this.#queueCountMax, this.#idleTimeoutMs);
    const threads = await this.#threads;
    const transferList = [task.bytes.buffer as ArrayBuffer];
    const result = (await threads.run(task, { name: 'work', transferList })) as CompressionResult;
    if ('bytes' in result) return result.bytes;
    throw new CompressionError(result.reason, result.message);
  }
}

/** Piscina and its threads are loaded when first needed: most brokers and clients never do. */
async function startThreads(
  maxThreads: number,
  maxQueue: number,
  idleTimeout: number,
): Promise<Piscina> {
  const { Piscina } = await import('piscina');
  const isSource = import.meta.url.endsWith('.ts');
  return new Piscina({
    filename: new URL(isSource ? './pool-worker.ts' : './pool-worker.js', import.meta.url).href,
    execArgv: [],
    minThreads: 0,
    maxThreads,
    maxQueue,
    idleTimeout,
  });
}

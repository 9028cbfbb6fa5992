import { createRequire } from 'node:module';
import { EngineError, EngineErrorCode } from './engine-error.ts';
import type { ConnectionInfo, ListenerInfo, ReactorOptions, ReactorStats } from './reactor.ts';
import type {
  AbortedTransaction,
  CompactRequest,
  CompactResult,
  EpochEntry,
  LogOptions,
  OpenedLog,
  OpenLogRequest,
  SegmentInfo,
} from './segment-store.ts';

/** Version of the calls below; the binary carries the same number. */
const BINARY_VERSION = 1;

/** The platforms a binary is built for. */
const PLATFORM = `${process.platform}-${process.arch}`;
const FILE = 'millrace-engine.linux-x64-gnu.node';

/** One engine of the native binary: tables and functions (native/napi). Errors carry their code as text. */
export interface NativeEngine {
  readonly events: Float64Array;
  readonly sends: Float64Array;
  readonly out: Uint8Array;
  readonly plan: Float64Array;
  readonly results: Float64Array;
  readonly located: Float64Array;
  readonly failedLogs: Float64Array;
  /** Ids, and their number in the last cell. */
  readonly deferredLogs: Float64Array;

  stage(rowCount: number): void;
  stageOwned(logId: number, batch: Uint8Array, leaderEpoch: number, appendTimeMs: number): void;
  commit(): number;
  setDeferral(mayDefer: boolean): void;
  locate(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): number;
  flush(rowCount: number): void;
  /** Returns its argument: the price of a crossing. */
  noop(value: number): number;

  listen(host: string, port: number, backlog: number): ListenerInfo;
  closeListener(listenerId: number): void;
  run(onTick: (eventCount: number) => void): void;
  buffer(bufferId: number): Uint8Array;
  connectionInfo(connectionId: number): ConnectionInfo;
  sendOwned(connectionId: number, bytes: Uint8Array): void;
  pauseReading(connectionId: number): void;
  resumeReading(connectionId: number): void;
  closeConnection(connectionId: number): void;
  unsentBytes(connectionId: number): number;
  reactorStats(): ReactorStats;
  closeReactor(): void;

  openDir(path: string): Promise<number>;
  closeDir(dirId: number): Promise<void>;
  listLogs(dirId: number): Promise<string[]>;
  writeFile(dirId: number, name: string, bytes: Uint8Array): Promise<void>;
  readFile(dirId: number, name: string): Promise<Uint8Array | null>;
  removeFile(dirId: number, name: string): Promise<void>;
  openLog(request: OpenLogRequest): Promise<OpenedLog>;
  closeLog(logId: number): Promise<void>;
  deleteLog(logId: number): Promise<void>;
  configureLog(logId: number, options: LogOptions): void;

  warm(logId: number, offset: number, maxBytes: number): Promise<void>;
  read(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<Uint8Array>;
  findBatchByTimestamp(logId: number, timestampMs: number, fromOffset: number): Promise<number>;
  findLargestTimestamp(logId: number): Promise<number>;
  segments(logId: number): SegmentInfo[];
  sizeBytes(logId: number): number;
  roll(logId: number): number;
  trimTo(logId: number, logStartOffset: number): Promise<number>;
  truncateTo(logId: number, offset: number): Promise<void>;
  flushLog(logId: number): Promise<number>;
  assignLeaderEpoch(logId: number, epoch: number): Promise<void>;
  epochs(logId: number): EpochEntry[];
  scanProducers(logId: number, fromOffset: number): Promise<Float64Array>;
  writeSnapshot(logId: number, offset: number, bytes: Uint8Array): Promise<void>;
  readSnapshot(logId: number, offset: number): Promise<Uint8Array | null>;
  removeSnapshot(logId: number, offset: number): Promise<void>;
  abortedTransactions(
    logId: number,
    fromOffset: number,
    upToOffset: number,
  ): Promise<AbortedTransaction[]>;
  appendAbortedTransaction(logId: number, entry: AbortedTransaction): Promise<void>;
  compact(logId: number, request: CompactRequest): Promise<CompactResult>;
}

interface NativeBinary {
  readonly binaryVersion: number;
  openEngine(options: ReactorOptions): NativeEngine;
}

function missing(why: string, cause?: unknown): EngineError {
  return new EngineError(
    EngineErrorCode.nativeBinaryMissing,
    `the native engine for ${PLATFORM} ${why}; ` +
      'build it with `npm run build:native -w packages/engine` (needs a Rust toolchain)',
    { cause },
  );
}

function load(): NativeBinary {
  if (PLATFORM !== 'linux-x64') throw missing('is not available');
  let binary: NativeBinary;
  try {
    binary = createRequire(import.meta.url)(`../native/${FILE}`) as NativeBinary;
  } catch (error) {
    throw missing(`cannot be loaded (native/${FILE})`, error);
  }
  if (binary.binaryVersion !== BINARY_VERSION) throw missing('is of another version');
  return binary;
}

/** Loaded with the package, so that a missing binary is found at once. */
export const nativeBinary: NativeBinary = load();

/** Errors of the binary carry the number of their code as text. */
export function toEngineError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = Number((error as NodeJS.ErrnoException).code);
  if (!Number.isInteger(code) || code < 1) return error;
  return new EngineError(code as EngineErrorCode, error.message, { cause: error });
}

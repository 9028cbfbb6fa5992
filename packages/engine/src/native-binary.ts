import { createRequire } from 'node:module';
import { EngineError, EngineErrorCode } from './engine-error.ts';
import type { Reactor, ReactorOptions, ReactorStats } from './reactor.ts';
import type { SegmentStore } from './segment-store.ts';

/** Version of the calls below; the binary carries the same number. */
const BINARY_VERSION = 4;

/** The platforms a binary is built for. */
const PLATFORM = `${process.platform}-${process.arch}`;
const FILE = 'millrace-engine.linux-x64-gnu.node';

/**
 * One engine of the native binary (native/napi): the tables and calls of both faces, save for the few that
 * TypeScript answers or names otherwise. Errors carry their code as text.
 */
export interface NativeEngine
  extends Omit<SegmentStore, 'hasStaged' | 'deferredCount' | 'deferredLogs'>,
    Omit<Reactor, 'stats' | 'close'> {
  /** Ids, and their number in the last cell. */
  readonly deferredLogs: Float64Array;
  /** Returns its argument: the price of a crossing. */
  noop(value: number): number;
  reactorStats(): ReactorStats;
  closeReactor(): void;
}

interface NativeBinary {
  readonly binaryVersion: number;
  openEngine(options: ReactorOptions): NativeEngine;
  setAcceptedSocketOptions(port: number, notsentLowatBytes: number, userTimeoutMs: number): number;
  setListenBacklog(port: number, backlog: number): number;
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

/** What a call of the binary gives; what it throws comes as EngineError. Calls of every tick spell this out. */
export function coded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toEngineError(error);
  }
}

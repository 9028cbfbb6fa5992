import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchBuilder } from '@millrace/records';
import type { Engine } from '../engine.ts';
import { MemoryDisk } from '../memory/memory-disk.ts';
import { openMemoryEngine } from '../memory/memory-engine.ts';
import { openNativeEngine } from '../native-engine.ts';
import type { ReactorOptions } from '../reactor.ts';
import type { LogOptions, OpenLogRequest } from '../segment-store.ts';

/** One body of the engine's interfaces, for tests that hold for all of them. */
export interface Body {
  readonly name: string;
  /** A place for log dirs that outlives engines, and how to open engines on it. */
  readonly world: () => World;
}

export interface World {
  readonly dir: string;
  open(options?: Partial<ReactorOptions>): Engine;
  remove(): void;
}

const DEFAULTS: ReactorOptions = {
  maxFrameBytes: 10 << 20,
  minFrameBytes: 8,
  inboundBudgetBytes: 64 << 20,
  maxQueuedSendBytes: 1 << 20,
  idleMs: 600_000,
  frameDeadlineMs: 30_000,
  sendDeadlineMs: 30_000,
  maxConnections: 1000,
  maxConnectionsPerAddress: 1000,
  sendBufferBytes: -1,
  receiveBufferBytes: -1,
  acceptedPrefixes: new Int16Array(0),
};

export const BODIES: readonly Body[] = [
  {
    name: 'native',
    world: () => {
      const dir = mkdtempSync(join(tmpdir(), 'millrace-engine-'));
      return {
        dir: join(dir, 'logs'),
        open: (options) => openNativeEngine({ ...DEFAULTS, ...options }),
        remove: () => rmSync(dir, { recursive: true, force: true }),
      };
    },
  },
  {
    name: 'memory',
    world: () => {
      const disk = new MemoryDisk();
      return {
        dir: '/logs',
        open: (options) => openMemoryEngine({ ...DEFAULTS, ...options }, disk),
        remove: () => {},
      };
    },
  },
];

export const LOG_OPTIONS: LogOptions = {
  segmentBytes: 1 << 20,
  segmentMs: 7 * 24 * 3_600_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 1 << 20,
  indexIntervalBytes: 4096,
  flushMode: 'os',
  fileDeleteDelayMs: 0,
};

export function logRequest(dirId: number, name: string, options = LOG_OPTIONS): OpenLogRequest {
  return {
    dirId,
    name,
    create: true,
    options,
    recoveryPoint: 0,
    logStartOffset: 0,
    clean: false,
    topicId: null,
  };
}

/** A batch of `count` records of `valueBytes`, as a producer sends it. */
export function produced(count: number, timestampMs = 1000, valueBytes = 10): Uint8Array {
  const builder = new BatchBuilder();
  for (let i = 0; i < count; i++) {
    builder.append({ timestampMs, key: null, value: new Uint8Array(valueBytes).fill(i) });
  }
  return builder.build();
}

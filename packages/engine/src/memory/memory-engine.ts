import { systemClock } from '@millrace/base';
import type { Engine } from '../engine.ts';
import { EventKind, type ReactorOptions } from '../reactor.ts';
import { MemoryDisk, MemoryStore } from './memory-store.ts';
import { NetReactor } from './net-reactor.ts';

/**
 * The in-memory body: logs in memory, sockets of node:net. Nothing is durable; give the same `disk` to another
 * engine to see what a restart would find.
 */
export function openMemoryEngine(options: ReactorOptions, disk = new MemoryDisk()): Engine {
  const reactor: NetReactor = new NetReactor(options, (logId, base, position, length) =>
    store.slice(logId, base, position, length),
  );
  const store = new MemoryStore({
    disk,
    buffer: (bufferId) => reactor.buffer(bufferId),
    onFlushed: (logId, flushedOffset) => reactor.push([EventKind.flushed, logId, flushedOffset]),
    nowMs: () => systemClock.nowMs(),
  });
  return { reactor, store, close: async () => {} };
}

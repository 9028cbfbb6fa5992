import { systemClock } from '@millrace/base';
import type { Engine } from '../engine.ts';
import { EventKind, type ReactorOptions } from '../reactor.ts';
import { MemoryDisk } from './memory-disk.ts';
import { MemoryReactor } from './memory-reactor.ts';
import type { MemorySocket } from './memory-socket.ts';
import { MemoryStore } from './memory-store.ts';
import { NetReactor } from './net-reactor.ts';

/**
 * The in-memory body: logs in memory, sockets of node:net. Nothing is durable; give the same `disk` to another
 * engine to see what a restart would find.
 */
export function openMemoryEngine(options: ReactorOptions, disk = new MemoryDisk()): Engine {
  const reactor: NetReactor = new NetReactor(options, (logId, base, position, length) =>
    store.slice(logId, base, position, length),
  );
  const store: MemoryStore = new MemoryStore({
    disk,
    buffer: (bufferId) => reactor.buffer(bufferId),
    onFlushed: (logId, flushedOffset) => reactor.push([EventKind.flushed, logId, flushedOffset, 0]),
    nowMs: () => systemClock.nowMs(),
  });
  return { reactor, store, close: () => reactor.close() };
}

/** The world a simulated engine lives in. */
export interface SimulatedWorld {
  /** The data. Give the disk of a closed engine to restart on it. */
  readonly disk: MemoryDisk;
  /** Wall-clock ms of segment ages. */
  readonly nowMs: () => number;
  /** Runs a reactor tick soon, never at once. */
  readonly schedule: (tick: () => void) => void;
}

/** An engine without sockets and files: clients connect within the process. */
export interface SimulatedEngine extends Engine {
  /** A client's connection to a listener. Throws `addressUnavailable` when nobody listens on the port. */
  connect(port: number): MemorySocket;
}

/** Logs in memory and sockets within the process; time and order are the caller's, for simulation. */
export function openSimulatedEngine(
  options: ReactorOptions,
  world: SimulatedWorld,
): SimulatedEngine {
  const reactor: MemoryReactor = new MemoryReactor({
    options,
    schedule: world.schedule,
    slice: (logId, segment, position, length) => store.slice(logId, segment, position, length),
  });
  const store: MemoryStore = new MemoryStore({
    disk: world.disk,
    nowMs: world.nowMs,
    buffer: (bufferId) => reactor.buffer(bufferId),
    onFlushed: (logId, offset) => reactor.report([EventKind.flushed, logId, offset, 0]),
  });
  return {
    reactor,
    store,
    connect: (port) => reactor.connect(port),
    close: () => reactor.close(),
  };
}

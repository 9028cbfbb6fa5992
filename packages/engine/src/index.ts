export {
  type AcceptedSocketOptions,
  setAcceptedSocketOptions,
  setListenBacklog,
} from './accepted-socket-options.ts';
export type { Engine } from './engine.ts';
export { EngineError, EngineErrorCode } from './engine-error.ts';
export { MemoryDisk } from './memory/memory-disk.ts';
export {
  openMemoryEngine,
  openSimulatedEngine,
  type SimulatedEngine,
  type SimulatedWorld,
} from './memory/memory-engine.ts';
export type { MemorySocket } from './memory/memory-socket.ts';
export { openNativeEngine } from './native-engine.ts';
export {
  CloseReason,
  type ConnectionInfo,
  EVENT_STRIDE,
  EventKind,
  type ListenerInfo,
  type Reactor,
  type ReactorOptions,
  type ReactorStats,
  SEND_STRIDE,
  SendKind,
} from './reactor.ts';
export {
  type AbortedTransaction,
  type CompactRequest,
  type CompactResult,
  type EpochEntry,
  type FlushMode,
  LocatedColumn,
  LocateStatus,
  type LogOptions,
  type OpenedLog,
  type OpenLogRequest,
  PLAN_STRIDE,
  PlanColumn,
  PRODUCER_ROW_STRIDE,
  ProducerRowColumn,
  RESULT_STRIDE,
  ResultColumn,
  type SegmentInfo,
  type SegmentStore,
} from './segment-store.ts';

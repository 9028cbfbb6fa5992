export { AssertionFailure, assert, unreachable } from './assert.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export {
  createLogger,
  type LogField,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogSink,
  silentLogger,
} from './log.ts';
export { ManualClock } from './manual-clock.ts';
export { type Prng, seededPrng, systemRandom } from './prng.ts';

export { AssertionFailure, asError, assert, unreachable } from './assert.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export { configReference } from './config-reference.ts';
export {
  booleanConfig,
  type ConfigDynamic,
  ConfigError,
  type ConfigFacts,
  type ConfigRow,
  type ConfigSynonym,
  type ConfigType,
  doubleConfig,
  type IntegerFacts,
  intConfig,
  integerText,
  listConfig,
  longConfig,
  NO_LIMIT,
  type ParsedConfig,
  passwordConfig,
  shortConfig,
  stringConfig,
} from './config-row.ts';
export {
  type ConfigLayer,
  type ConfigLookup,
  type ConfigOrigin,
  type ConfigRows,
  type ConfigTable,
  type ConfigValues,
  configOrigins,
  configText,
  defineConfig,
} from './define-config.ts';
export { defineErrors, type ErrorRow, type ErrorTable, TableError } from './define-errors.ts';
export {
  defineMetrics,
  type MetricFamilies,
  type MetricFamily,
  type MetricRow,
  type MetricRows,
  type Metrics,
  type MetricType,
} from './define-metrics.ts';
export { Distribution } from './distribution.ts';
export { eachLimited } from './each-limited.ts';
export { readEnvironment } from './environment.ts';
export { Histogram } from './histogram.ts';
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
export { Counter, Gauge } from './metric-series.ts';
export {
  labelText,
  type MetricFormat,
  metricNumber,
  type RenderedFamily,
  renderMetrics,
} from './metric-text.ts';
export { type Prng, seededPrng, systemRandom } from './prng.ts';
export { formatProperties, PropertiesError, parseProperties } from './properties.ts';

export { type AdminParts, AdminServer, type Probe } from './admin-server.ts';
export { RuntimeMetrics, runtimeMetrics } from './runtime-metrics.ts';

export { type RunningBroker, startBroker } from './broker.ts';
export type { BrokerOptions } from './broker-options.ts';
export type { OpenListener } from './net/listeners.ts';

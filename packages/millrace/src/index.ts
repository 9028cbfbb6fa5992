export { type BrokerOptions, type RunningBroker, startBroker } from '@millrace/broker';

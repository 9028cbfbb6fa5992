export { type BrokerOptions, type RunningBroker, startBroker } from '@millrace/broker';
export { type GatewayOptions, type RunningGateway, startGateway } from '@millrace/gateway';

export type { GatewayConfig } from './config/gateway-config.ts';
export { readGatewayConfig } from './config/read-config.ts';
export { type GatewayOptions, type RunningGateway, startGateway } from './gateway.ts';
export type {
  ListenOptions,
  PlainAnswer,
  PlainRequest,
  SendResult,
  Socket,
  SocketHandlers,
  SocketServer,
  SocketServerOptions,
  TlsFiles,
  UpgradeAnswer,
  UpgradeRequest,
} from './ws/socket-server.ts';
export { ListenError } from './ws/socket-server.ts';

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

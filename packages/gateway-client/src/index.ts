export { GatewayClient } from './client.ts';
export type { ClientEvents } from './client-events.ts';
export { type Environment, systemEnvironment } from './environment.ts';
export { GatewayError, ProtocolViolation, UnknownOutcomeError } from './errors.ts';
export type { GatewayRecord, RecordBlock, RecordHeader } from './gateway-record.ts';
export type {
  ClientOptions,
  ClientState,
  CodecName,
  Filter,
  OnLoss,
  Payload,
  PingResult,
  Position,
  PublishOptions,
  PublishRecord,
  PublishResult,
  ResumeStore,
  Start,
  SubscribeOptions,
  SubscriptionState,
  TokenReason,
  WebSocketConstructor,
  WebSocketLike,
} from './options.ts';
export type { GapReasonName, Subscription, SubscriptionEvents } from './subscription.ts';

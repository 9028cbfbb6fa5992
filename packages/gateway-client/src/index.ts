export type { FilterTree as Filter } from '@millrace/gateway-protocol';
export { GatewayClient } from './client.ts';
export type { ClientEvents } from './client-events.ts';
export { type Environment, systemEnvironment } from './environment.ts';
export { GatewayError, ProtocolViolation, UnknownOutcomeError } from './errors.ts';
export type {
  ClientOptions,
  ClientState,
  CodecName,
  OnLoss,
  Payload,
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
export type { PingResult } from './pinger.ts';
export type { GatewayRecord, RecordBlock, RecordHeader } from './record-block.ts';
export type { GapReasonName, Subscription, SubscriptionEvents } from './subscription.ts';

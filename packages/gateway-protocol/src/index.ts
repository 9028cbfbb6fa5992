export { fromBase64, fromBase64Url, toBase64, toBase64Url } from './base64.ts';
export { type CanonicalFilter, canonicalFilter, filterKeys } from './canonical-filter.ts';
export { CloseCode, ErrorCode, isRetryable, isTerminalClose } from './codes.ts';
export { compileFilter, type FilterTest, filterNeedsHeaders } from './compile-filter.ts';
export {
  Acks,
  Caps,
  Codec,
  enumNames,
  FilterOp,
  GapReason,
  Isolation,
  OnLoss,
  OnUnknown,
  Outcome,
  Policy,
  Projection,
  RecordsFlag,
  Scope,
  StartKind,
} from './enums.ts';
export {
  type FilterBytes,
  FilterError,
  type FilterTree,
  filterToNodes,
  type HeaderTest,
  type KeyTest,
  nodesToFilter,
} from './filter.ts';
export type {
  FilterNode,
  HeaderField,
  Limits,
  PartitionCode,
  PartitionOffset,
  StreamInfo,
  StreamOffset,
  SubscriptionToken,
} from './frame-parts.ts';
export { readMessage } from './frame-reader.ts';
export type { Check, Direction } from './frame-verifier.ts';
export { encodeFrame, encodeMessage } from './frame-writer.ts';
export {
  type Auth,
  type AuthOk,
  type CaughtUp,
  type ClientFrame,
  type Commit,
  type Committed,
  type Credit,
  type ErrorFrame,
  type Frame,
  type FrameFields,
  type FrameInput,
  type FrameKind,
  type FrameOf,
  FrameTag,
  type Gap,
  type Goaway,
  type Hello,
  type Pause,
  type Ping,
  type Pong,
  type Progress,
  type PubCredit,
  type Publish,
  type PublishBatch,
  type PubResult,
  type Records,
  type Resume,
  type ServerFrame,
  type StreamStates,
  type Subscribe,
  type Subscribed,
  type TokenExpiring,
  type Unsubscribe,
  type Unsubscribed,
  type Welcome,
} from './frames.ts';
export { readJsonMessage } from './json-reader.ts';
export { type JsonPiece, type JsonRecordsHeader, jsonRecords } from './json-records.ts';
export { encodeJsonFrame, type JsonFrameInput } from './json-writer.ts';
export {
  CLIENT_MESSAGE_BYTES_MAX,
  CONNECTION_WINDOW_BYTES_DEFAULT,
  CONTROL_FRAME_BYTES_MAX,
  clientLimits,
  FILTER_BYTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NAME_BYTES_MAX,
  FILTER_NODES_MAX,
  FILTER_OPERANDS_MAX,
  FILTER_VALUES_MAX,
  FRAMES_PER_MESSAGE_MAX,
  GOAWAY_TOKENS_MAX,
  helloLimits,
  JSON_RECORD_BYTES_MAX,
  JSON_RECORDS_BYTES_MAX,
  LAST_N_MAX,
  MAX_WAIT_MS_MAX,
  NAME_BYTES_MAX,
  PROGRESS_ENTRIES_MAX,
  PUBLISH_BATCH_RECORDS_MAX,
  PUBLISH_HEADERS_MAX,
  RESUME_TOKEN_ENTRIES_MAX,
  type ReadLimits,
  SENT_TOKEN_BYTES_MAX,
  STREAM_LIST_MAX,
  STREAMS_MAX,
  SUBSCRIPTION_WINDOW_BYTES_DEFAULT,
  serverLimits,
  TOKEN_BYTES_MAX,
  WINDOW_BYTES_MAX,
} from './limits.ts';
export type { BadMessage, MessageReading, RefusedFrame } from './message-reading.ts';
export { type BlockBounds, PackedRecordsReader } from './packed-records-reader.ts';
export { PackedRecordsWriter } from './packed-records-writer.ts';
export {
  RECORDS_HEADER_BYTES,
  type RecordsHeader,
  recordsFrame,
  recordsFrameBytes,
  writeRecordsHeader,
} from './records-frame.ts';
export {
  clusterTag,
  decodeResumeToken,
  encodeResumeToken,
  type ResumeToken,
  ResumeTokenError,
} from './resume-token.ts';
export { isUtf8 } from './utf8.ts';

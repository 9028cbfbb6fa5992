/** Bounds that are part of the protocol. What one gateway allows below them is in Welcome. */

export const FRAMES_PER_MESSAGE_MAX = 64;
/** Any client message; before Welcome `HELLO_MESSAGE_BYTES_MAX`. */
export const CLIENT_MESSAGE_BYTES_MAX = 65_536;
export const HELLO_MESSAGE_BYTES_MAX = 8_192;
/** A server's frame with its length prefix; one that is not Records is at most `CONTROL_FRAME_BYTES_MAX`. */
export const SERVER_FRAME_BYTES_MAX = 61_440;
export const CONTROL_FRAME_BYTES_MAX = 4_096;

export const STREAM_LIST_MAX = 32;
export const PROGRESS_ENTRIES_MAX = 200;
export const GOAWAY_TOKENS_MAX = 64;
/** Streams of a connection, so also partitions that one frame can name. */
export const STREAMS_MAX = 1_024;
export const LAST_N_MAX = 100_000;
export const MAX_WAIT_MS_MAX = 1_000;
export const WINDOW_BYTES_MAX = 16 << 20;
/** What `credit` 0 asks for, in Hello and in Subscribe. */
export const CONNECTION_WINDOW_BYTES_DEFAULT = 1 << 20;
export const SUBSCRIPTION_WINDOW_BYTES_DEFAULT = 256 << 10;

/** Tokens are JWTs of at most this many characters. */
export const TOKEN_BYTES_MAX = 8_192;
/** Kafka's longest topic name. */
export const TOPIC_BYTES_MAX = 249;
/** Client names and commit names. */
export const NAME_BYTES_MAX = 128;

export const PUBLISH_HEADERS_MAX = 64;
export const PUBLISH_BATCH_RECORDS_MAX = 1_000;

export const RESUME_TOKEN_ENTRIES_MAX = 1_024;
export const RESUME_TOKEN_BYTES_MAX = 36 + 16 * RESUME_TOKEN_ENTRIES_MAX;
/** A token above this is left out of Unsubscribed and Goaway: it would not fit a control frame. */
export const SENT_TOKEN_BYTES_MAX = 3_072;

export const FILTER_NODES_MAX = 64;
export const FILTER_DEPTH_MAX = 8;
export const FILTER_VALUES_MAX = 1_024;
/** Values and header names of one filter together. */
export const FILTER_BYTES_MAX = 16_384;
export const FILTER_NAME_BYTES_MAX = 256;
export const FILTER_OPERANDS_MAX = 16;

/** Text of one JSON Records message, and of one record in it. */
export const JSON_RECORDS_BYTES_MAX = 60_000;
export const JSON_RECORD_BYTES_MAX = 40_960;
export const JSON_DEPTH_MAX = 16;

/** Tables in one frame; what the schema allows is 1,153: Subscribe with a full filter. */
export const TABLES_PER_FRAME_MAX = 1_200;

/** What a reader of messages accepts. */
export interface ReadLimits {
  readonly messageBytes: number;
  readonly frames: number;
  /** Bytes of one Records block before compression; more is refused before anything is allocated. */
  readonly rawBytes: number;
  /** Members of all JSON objects of a message together. */
  readonly jsonMembers: number;
}

/** What a gateway accepts from a client after Welcome, and before it. */
export const clientLimits: ReadLimits = {
  messageBytes: CLIENT_MESSAGE_BYTES_MAX,
  frames: FRAMES_PER_MESSAGE_MAX,
  rawBytes: 0,
  jsonMembers: 4_096,
};
export const helloLimits: ReadLimits = { ...clientLimits, messageBytes: HELLO_MESSAGE_BYTES_MAX };

/** What a client accepts from a gateway: a block may be one record of 1 MiB with its headers. */
export const serverLimits: ReadLimits = {
  messageBytes: CLIENT_MESSAGE_BYTES_MAX,
  frames: FRAMES_PER_MESSAGE_MAX,
  rawBytes: 4 << 20,
  jsonMembers: 16_384,
};

/** Every bound of the broker that is not a Kafka config, each with its reason. */

/**
 * Replies owed to one connection before its reading pauses. Java's producer keeps 5 in flight, librdkafka up to
 * 1,000,000 in theory and a few dozen in practice; more than this only costs memory.
 */
export const PENDING_REPLIES_PER_CONNECTION_MAX = 256;

/**
 * Requests other than Produce that one connection may have open. Their answers are kept until their turn, and
 * a request of 20 bytes may ask for megabytes (Metadata of everything). Clients have a handful open.
 */
export const OPEN_REQUESTS_PER_CONNECTION_MAX = 32;

/** Answer bytes of one connection in one beat, after which the others come first. */
export const ANSWER_BYTES_PER_TURN = 64 * 1024;

/**
 * Frames held back of all connections (see `net/backlog.ts`). Honest clients send little behind a long poll, so
 * above it the connection that sends goes.
 */
export const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** Room a response expects in the staging memory; larger ones spill to memory of their own. */
export const RESPONSE_ROOM_BYTES = 64 * 1024;

/** Tagged fields of one request header; nothing known is longer (kafka-surface G.1). */
export const HEADER_TAGGED_BYTES_MAX = 128 * 1024;

/** Heap that the decoded arrays of a request may take, per byte on the wire (kafka-surface G.1). */
export const HEAP_BYTES_PER_WIRE_BYTE = 8;

/** Longest `max_wait_ms` of a Fetch: a client cannot hold a place in the purgatory for hours. */
export const FETCH_WAIT_MS_MAX = 5 * 60 * 1000;

/** Long polls held at a time; beyond it a Fetch is answered at once. */
export const PARKED_FETCHES_MAX = 20_000;

/** Partitions that parked fetches name, in all; beyond it a Fetch is answered at once. */
export const PARKED_TARGETS_MAX = 2_000_000;

/** Producers remembered per partition; the longest silent are forgotten first. */
export const PRODUCERS_PER_PARTITION_MAX = 50_000;

/** Producer ids reserved in the metadata dir at a time (Kafka's block size). */
export const PRODUCER_ID_BLOCK = 1000;

/** Partitions a fetch session may hold; about 250 bytes each. More are fetched without a session. */
export const FETCH_SESSION_PARTITIONS_MAX = 100_000;

/** The same over all sessions: Kafka bounds their number only (1000), which would be 25 GB. */
export const FETCH_SESSIONS_PARTITIONS_TOTAL_MAX = 500_000;

/** Batches waiting for recompression, bytes in total; a produce above it is refused with a retriable error. */
export const RECOMPRESSION_QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** What a batch in that queue costs besides its bytes: promises, a task, a header. Most batches are small. */
export const RECOMPRESSION_JOB_BYTES = 2048;

/**
 * Memory for requests being read, when `queued.max.request.bytes` does not say: room for one of the largest frames
 * (`socket.request.max.bytes`) or many of a usual size.
 */
export const INBOUND_BUDGET_BYTES_MIN = 128 * 1024 * 1024;

/** Unsent answer bytes of a connection (file slices not counted) before its requests wait. */
export const QUEUED_SEND_BYTES_MAX = 16 * 1024 * 1024;

/** A peer that takes nothing of an answer for this long is gone. */
export const SEND_DEADLINE_MS = 60_000;

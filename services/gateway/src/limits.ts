/** Bounds of a connection that are not settings: the protocol names them, or nobody would want another. */
export const sessionLimits = {
  /** Control frames that wait in one connection's lane (P6): a client that asks and never reads. Bytes. */
  controlLaneBytesMax: 32_768,

  /** Requests of one connection that wait for their answer: Subscribe, Commit, Auth. */
  openRequestsMax: 128,

  /** Numbers of ended subscriptions that a connection remembers, so that they are not used again. */
  endedSubscriptionsMax: 1024,

  /** Frames refused one by one (V8), or requests beyond their rate, within a minute before 4507 (§6). */
  strikesMax: 20,
  strikeWindowMs: 60_000,

  /** Publishes without credit within ten seconds before 4507 (§15.1). */
  creditStrikesMax: 3,
  creditStrikeWindowMs: 10_000,

  /** Pings of a client in one second (§4.2); a second one right after it may be the network's doing. */
  pingsPerSecond: 1,
  pingBurst: 2,

  /** Credit, Pause, Resume, Ping and Pong of one connection: they cost little, but not nothing. */
  smallFramesPerSecond: 2000,
  smallFrameBurst: 4000,

  /** Streams in one Subscribed, StreamStates or Progress frame, and partitions in one Committed, as JSON text: 4,096 bytes hold so many. */
  streamsPerTextFrame: 12,
  progressPerTextFrame: 50,
  codesPerTextFrame: 100,

  /** Partitions in one Committed frame. */
  codesPerFrame: 400,

  /** Addresses and principals whose rates are remembered; the one unused for longest is forgotten first. */
  rateKeysMax: 20_000,

  /** Answers to questions about times that are remembered (§12.3, §14). */
  timeAnswersMax: 10_000,

  /** Commits of one name that wait for the next write. */
  commitWaitersMax: 1024,

  /** Names whose commits wait, in one process. */
  commitNamesMax: 20_000,
} as const;

/** How many connections wait to be accepted, and when fewer shall. */
export const acceptLimits = {
  /** What the transport asks for. */
  queue: 512,

  /** While many handshakes are refused: some 8 ms of them in one turn of the event loop. */
  queueFlooded: 64,

  /** So many refusals within a second are many. */
  floodRefusals: 200,

  /** Fewer than these in each of so many seconds, and it is over. */
  calmRefusals: 50,
  calmSeconds: 10,
} as const;

/** Bounds of fan-out that are not settings. */
export const deliveryLimits = {
  /** Packed records of a live block, so that frame and WebSocket header fit one cork buffer (§5). Bytes. */
  liveBlockBytes: 16_000,

  /**
   * Packed records of a block read from behind the ring; §5 allows up to 57,000. A reader that stops has one of them in
   * user space, which with its connection is to stay below 64 KiB. Bytes.
   */
  coldBlockBytes: 32_000,

  /** Frames of one connection and tick together, unless it is a single larger one (P2). Bytes. */
  writeBytesMax: 16_384,

  /** A data frame must fit below this together with what is unsent (P3); the rest is control's. Bytes. */
  dataUnsentBytesMax: 61_440,

  /** Unsent bytes at any moment (I5). */
  unsentBytesMax: 65_536,

  /** A blocked connection goes on when no more than this is unsent (P3). Bytes. */
  drainedBytes: 8_192,

  /** Payload of one frame; a larger one goes in parts (§5). With the header it stays below 61,440. Bytes. */
  partBytesMax: 61_000,

  /** What a connection's turn adds to each stream's right to send (P2). Bytes. */
  quantumBytes: 16_384,

  /** Waiting time of max_wait_ms ends early with so many bytes (P5). */
  waitEndsAtBytes: 16_000,

  /** Progress marks of a class move no faster than this (§4.3). Milliseconds. */
  progressPeriodMs: 1_000,

  /** Frames kept of one block and class, for cursors that stand at different places. */
  frameVariantsMax: 4,

  /** Blocks that one cursor looks through in one turn without finding anything that passes its filter. */
  blocksScannedPerTurn: 32,

  /** Blocks of the ring that a class made late looks through in one turn. */
  blocksMatchedPerTurn: 1024,

  /** Filters without a key, of one partition (§11). */
  unindexedFiltersMax: 256,

  /** Reads behind the ring at the same time, of one partition (§12.3). */
  coldReadsPerPartition: 2,

  /** A cluster that fails is asked again after this. Milliseconds. */
  retryMs: 500,

  /**
   * A topic that is away for so long is gone: a moment without it may be a cluster that starts, or the time between delete
   * and create. Subscriptions, streams and clients that come back get the same. Milliseconds.
   */
  topicGoneMs: 3_000,

  /** A log whose epochs are older than what was read from it is another one after so long, not a replica behind. Milliseconds. */
  otherLogMs: 10_000,

  /**
   * A feed opens where its first streams begin when that is no more than so many offsets behind the end: after a restart the
   * thousands who come back are all some seconds behind. What does not fit into the ring is left to reads behind it.
   */
  feedReachBackOffsets: 100_000,

  /** It opens so many offsets before them: others were cut off a little earlier. */
  feedMarginOffsets: 1_000,

  /** DISCONNECT: so long a lagging reader must advance slower than the log (§13). Milliseconds. */
  slowWindowMs: 60_000,

  /** Streams counted at a time for the gauges; a feed is counted whole. */
  streamsPerLook: 5_000,

  /** What a block costs beside its bytes: objects, arrays, list places. Bytes, estimated. */
  blockOverheadBytes: 512,

  /**
   * P7: sockets hold bytes and none makes progress for so many times `gateway.socket.stall.ms`. By then a transport
   * that works has closed them as stalled.
   */
  stuckStalls: 2,
} as const;

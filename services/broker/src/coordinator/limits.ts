/**
 * Bounds of the coordinators. Kafka bounds a group's members (`group.max.size`) and its sessions; what
 * a client could otherwise grow without end is bounded here.
 */
export const coordinatorLimits = {
  /**
   * Groups held by this broker. A group costs about 1 KB, so a client that invents names can take
   * 100 MB at most; the largest installations have some ten thousand groups.
   */
  groupCountMax: 100_000,

  /**
   * Members of one group that hold a fresh member id and have not rejoined with it yet (T75). Each is
   * one map entry until its session time passes; a group is rarely larger than a thousand members.
   */
  pendingMemberCountMax: 10_000,

  /** The same, over all groups: session times reach 30 minutes, so the bound per group is not enough. */
  pendingMemberCountTotalMax: 200_000,

  /**
   * Bytes of subscription data (all protocols) that one member may leave here. Its chosen protocol
   * ends up in one record of `__consumer_offsets`, whose batches end at 1 MB by default; clients send
   * the same subscription once per protocol.
   */
  memberMetadataBytesMax: 8 * 1024 * 1024,

  /** Bytes of subscriptions and assignments over all groups: the broker must outlive its clients. */
  memberBytesTotalMax: 256 * 1024 * 1024,

  /** Protocols one member may name. Java sends at most a handful; selection is quadratic in it. */
  memberProtocolCountMax: 64,

  /**
   * Committed offsets over all groups, about 200 bytes each. Reached only by ten thousand groups that
   * each follow hundreds of partitions.
   */
  offsetCountMax: 2_000_000,

  /** Uncompressed bytes of one stored batch when a data directory is loaded: a bomb ends here. */
  loadedBatchBytesMax: 64 * 1024 * 1024,

  /** Records of transactions that had not ended, held while a partition loads. */
  loadedTransactionRecordCountMax: 1_000_000,

  /**
   * Bytes of the log decoded in one go while a partition loads (`offsets.load.buffer.size` may ask for
   * less): about 10 ms of the thread that everything else waits for.
   */
  loadChunkBytesMax: 512 * 1024,

  /** Partitions of the coordinator's topic that load at the same time. */
  loadConcurrency: 4,

  /**
   * Bytes of records gathered into one batch of a tick; beyond it the batch is closed and the next one
   * begins. Keeps batches under the 1 MB that a compacting cleaner of Kafka reads at once by default.
   */
  batchBytesMax: 512 * 1024,

  /** Members that never heard the answer to their first join are dropped after this time. */
  newMemberJoinTimeoutMs: 5 * 60 * 1000,
} as const;

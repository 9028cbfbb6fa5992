//! Plain data of the public interface; mirrors `packages/engine/src/segment-store.ts`.

use std::time::Duration;

/// Number of an open log directory.
pub type DirId = u32;
/// Number of an open log. Never used again in one process.
pub type LogId = u32;

/// When appended bytes go to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushMode {
    /// Every commit is followed by a group-committed fdatasync.
    Group,
    /// The page cache decides; sealed segments are flushed after a roll.
    Os,
}

/// What the core needs to know of a topic's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// `segment.bytes`.
    pub segment_bytes: u64,
    /// `segment.ms`.
    pub segment_ms: i64,
    /// `segment.jitter.ms`.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`.
    pub segment_index_bytes: u64,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u64,
    /// When to flush.
    pub flush_mode: FlushMode,
    /// `file.delete.delay.ms`.
    pub file_delete_delay: Duration,
}

impl Default for LogOptions {
    /// Kafka's defaults, flushed by group commit.
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            flush_mode: FlushMode::Group,
            file_delete_delay: Duration::from_secs(60),
        }
    }
}

/// How to open a log.
#[derive(Clone, Debug)]
pub struct OpenLogRequest {
    /// The directory it lies in.
    pub dir_id: DirId,
    /// Directory name, `<topic>-<partition>`; refused with a slash, and when it is a dot or two.
    pub name: String,
    /// Create the directory, durably.
    pub create: bool,
    /// Configuration.
    pub options: LogOptions,
    /// From the checkpoint, 0 when unknown. Segments at or above it are scanned unless `clean`.
    pub recovery_point: i64,
    /// From the checkpoint, 0 when unknown.
    pub log_start_offset: i64,
    /// The last shutdown was clean: no scan.
    pub clean: bool,
    /// Topic id to write to `partition.metadata` when the file is absent.
    pub topic_id: Option<String>,
}

/// What was found when a log was opened.
#[derive(Clone, Debug)]
pub struct OpenedLog {
    /// The new handle.
    pub log_id: LogId,
    /// First offset kept.
    pub log_start_offset: i64,
    /// Offset of the next record.
    pub log_end_offset: i64,
    /// Everything below is on the device.
    pub flushed_offset: i64,
    /// From `partition.metadata`.
    pub topic_id: Option<String>,
    /// From `leader-epoch-checkpoint`, cut to the log.
    pub epochs: Vec<EpochEntry>,
    /// Bytes cut from the tail by recovery.
    pub truncated_bytes: u64,
    /// Offsets of producer snapshots, ascending.
    pub snapshot_offsets: Vec<i64>,
}

/// One line of `leader-epoch-checkpoint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The leader epoch.
    pub epoch: i32,
    /// Its first offset.
    pub start_offset: i64,
}

/// What retention needs to know of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// First offset.
    pub base_offset: i64,
    /// Bytes of the `.log` file.
    pub size_bytes: u64,
    /// Largest timestamp, -1 when none.
    pub largest_timestamp: i64,
    /// Base offset of the next segment, or the log end offset.
    pub next_offset: i64,
    /// Wall-clock time of the last append.
    pub last_modified_ms: i64,
}

/// One batch to stage.
#[derive(Clone, Copy, Debug)]
pub struct StageRequest {
    /// Where to.
    pub log_id: LogId,
    /// Stamped into the batch.
    pub leader_epoch: i32,
    /// At or above 0: stamp LogAppendTime. -1: keep the producer's times.
    pub append_time_ms: i64,
}

/// What staging decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Base offset of the segment that is opened for this batch.
    pub rolled_at: Option<i64>,
    /// Log end offset once committed.
    pub log_end_offset: i64,
}

/// What a reader may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBounds {
    /// First offset wanted.
    pub offset: i64,
    /// Nothing at or above it.
    pub up_to_offset: i64,
    /// Most bytes.
    pub max_bytes: u64,
    /// Give one batch even when it is larger than `max_bytes`.
    pub at_least_one: bool,
}

/// Whole batches, named. Columns as `LocatedColumn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// The segment.
    pub segment_base_offset: i64,
    /// Byte place in its file.
    pub position: u64,
    /// Number of bytes.
    pub length_bytes: u64,
    /// Base offset of the first batch.
    pub first_base_offset: i64,
    /// Offset after the last batch.
    pub next_offset: i64,
}

/// Answers of `locate`; the numbers of `LocateStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locate {
    /// 0
    Found(Located),
    /// 1: valid, and nothing below the bound stands at or after it.
    Empty,
    /// 2: below the log start or above the log end.
    OutOfRange,
    /// 3: not in memory; `warm`, then ask again.
    Cold,
    /// 4: poisoned, or the read failed.
    Failed,
}

/// An entry of a transaction index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Producer id.
    pub producer_id: i64,
    /// First offset of the transaction.
    pub first_offset: i64,
    /// Offset of its abort marker.
    pub last_offset: i64,
    /// Last stable offset when it was aborted.
    pub last_stable_offset: i64,
}

/// A batch of a producer, as `ProducerRowColumn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerRow {
    /// First offset.
    pub base_offset: i64,
    /// Last offset.
    pub last_offset: i64,
    /// Producer id.
    pub producer_id: i64,
    /// Producer epoch.
    pub producer_epoch: i16,
    /// First sequence; for control batches the coordinator epoch.
    pub base_sequence: i32,
    /// Last sequence.
    pub last_sequence: i32,
    /// Largest timestamp.
    pub max_timestamp: i64,
    /// Attribute bits.
    pub attributes: i16,
    /// -1 for data, 0 abort, 1 commit.
    pub control_type: i16,
}

/// What to compact.
#[derive(Clone, Copy, Debug)]
pub struct CompactRequest {
    /// First offset not yet cleaned.
    pub first_dirty_offset: i64,
    /// Nothing at or above it is touched.
    pub first_uncleanable_offset: i64,
    /// Tombstones whose delete horizon is at or below it go.
    pub now_ms: i64,
    /// `delete.retention.ms`.
    pub delete_retention_ms: i64,
    /// `max.message.bytes`.
    pub max_message_bytes: u64,
    /// Memory for the key map.
    pub dedupe_buffer_bytes: u64,
}

/// What compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactResult {
    /// Next first dirty offset.
    pub next_dirty_offset: i64,
    /// Bytes of the rewritten segments before.
    pub bytes_before: u64,
    /// And after.
    pub bytes_after: u64,
    /// Records kept.
    pub records_kept: u64,
}

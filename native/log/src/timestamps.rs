//! Finding batches by time.

use std::sync::Arc;

use millrace_io::Result;
use millrace_record::NO_TIMESTAMP;

use crate::access::{Miss, Patience};
use crate::log::Log;
use crate::scan::HeaderScan;
use crate::segment::Segment;

impl Log {
    /// Base offset of the first batch that ends at or after `from_offset` and whose max timestamp is
    /// at or after `timestamp_ms`. Waits for the disk.
    pub fn find_batch_by_timestamp(
        &self,
        timestamp_ms: i64,
        from_offset: i64,
    ) -> Result<Option<i64>> {
        let (segments, log_end) = {
            let view = self.view.read();
            (view.segments.clone(), view.log_end)
        };
        for (index, segment) in segments.iter().enumerate() {
            let next = segments
                .get(index + 1)
                .map_or(log_end, |next| next.base_offset);
            if next <= from_offset || segment.largest().timestamp < timestamp_ms {
                continue;
            }
            let found = self
                .find_in_segment(segment, timestamp_ms, from_offset)
                .map_err(|miss| miss.into_error(&format!("search {}", self.name)))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Base offset of the first batch with the largest max timestamp. Waits for the disk.
    pub fn find_largest_timestamp(&self) -> Result<Option<i64>> {
        let largest = self
            .all_segments()
            .iter()
            .map(|segment| segment.largest().timestamp)
            .max()
            .filter(|timestamp| *timestamp > NO_TIMESTAMP);
        match largest {
            Some(timestamp) => self.find_batch_by_timestamp(timestamp, self.log_start_offset()),
            None => Ok(None),
        }
    }

    fn find_in_segment(
        &self,
        segment: &Arc<Segment>,
        timestamp_ms: i64,
        from_offset: i64,
    ) -> std::result::Result<Option<i64>, Miss> {
        let disk = &*self.dir.disk;
        // Everything before the entry at or before the target is older than the target.
        let by_time = segment
            .time_index
            .floor(disk, Patience::Disk, timestamp_ms)?;
        let floor = by_time.map_or(from_offset, |entry| entry.offset.max(from_offset));
        let entry = segment
            .offset_index
            .floor_offset(disk, Patience::Disk, floor)?;
        let mut position = entry.map_or(0, |entry| entry.position);
        let file = segment.file(disk, Patience::Disk)?;
        let mut scan = HeaderScan::new(disk, file, segment.size_bytes(), Patience::Disk);
        while let Some(header) = scan.header(position)? {
            if header.last_offset() >= from_offset && header.max_timestamp >= timestamp_ms {
                return Ok(Some(header.base_offset));
            }
            position += header.size_bytes;
        }
        Ok(None)
    }
}

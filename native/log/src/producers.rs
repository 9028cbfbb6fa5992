//! What a rebuild of producer state needs: every batch that names a producer.

use millrace_io::Result;
use millrace_record::{BatchHeader, HEADER_BYTES, control_type};

use crate::access::{Miss, Patience, read_exact};
use crate::log::Log;
use crate::scan::HeaderScan;
use crate::segment::Segment;
use crate::types::ProducerRow;

/// Control batches are small; a larger one is not a transaction marker.
const CONTROL_BODY_BYTES_MAX: u64 = 4096;

impl Log {
    /// Rows for every batch with a producer id from `from_offset` to the log end. Waits for the disk.
    pub fn scan_producers(&self, from_offset: i64) -> Result<Vec<ProducerRow>> {
        let mut rows = Vec::new();
        let segments = self.all_segments();
        for (index, segment) in segments.iter().enumerate() {
            let next = segments
                .get(index + 1)
                .map_or(i64::MAX, |next| next.base_offset);
            if next > from_offset {
                self.scan_segment(segment, from_offset, &mut rows)
                    .map_err(|miss| miss.into_error(&format!("scan {}", self.name)))?;
            }
        }
        Ok(rows)
    }

    fn scan_segment(
        &self,
        segment: &Segment,
        from_offset: i64,
        rows: &mut Vec<ProducerRow>,
    ) -> std::result::Result<(), Miss> {
        let disk = &*self.dir.disk;
        let entry = segment
            .offset_index
            .floor_offset(disk, Patience::Disk, from_offset)?;
        let mut position = entry.map_or(0, |entry| entry.position);
        let file = segment.file(disk, Patience::Disk)?;
        let mut scan = HeaderScan::new(disk, file, segment.size_bytes(), Patience::Disk);
        while let Some(header) = scan.header(position)? {
            if header.producer_id >= 0 && header.last_offset() >= from_offset {
                let mut row = row_of(&header);
                if header.is_control() {
                    let size = header.size_bytes.min(CONTROL_BODY_BYTES_MAX) as usize;
                    let mut body = vec![0; size.saturating_sub(HEADER_BYTES)];
                    let at = position + HEADER_BYTES as u64;
                    read_exact(disk, file, &mut body, at, Patience::Disk)?;
                    let (kind, coordinator_epoch) = control_type(&body).unwrap_or((-1, -1));
                    row.control_type = kind;
                    row.base_sequence = coordinator_epoch;
                }
                rows.push(row);
            }
            position += header.size_bytes;
        }
        Ok(())
    }
}

fn row_of(header: &BatchHeader) -> ProducerRow {
    ProducerRow {
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
        max_timestamp: header.max_timestamp,
        attributes: header.attributes,
        control_type: -1,
    }
}

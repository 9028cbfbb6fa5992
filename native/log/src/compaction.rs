//! Removes records that a later one with the same key replaces.
//!
//! ```text
//!            clean            dirty                    untouched
//!   |  seg  |  seg  |  seg  |  seg  |  seg  |  seg  |  active  |
//!                   ^ first dirty           ^ first uncleanable
//!   pass 1: key → last offset, over the dirty part until the map is full (clean end)
//!   pass 2: every segment that begins below the clean end is filtered into `.cleaned`
//!   `.cleaned` → fsync → `.swap` → old files `.deleted` → final names
//! ```
//! A crash before `.log.swap` drops the work; after it the next start finishes it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use millrace_io::{EngineError, ErrorCode, Result};
use millrace_record::RawRecords;

use crate::access::{Miss, Patience};
use crate::batch_walk::BatchWalk;
use crate::cleaned_segment::CleanedSegment;
use crate::cleaner::{Aborted, Cleaner, Verdict, inflate};
use crate::key_map::KeyMap;
use crate::log::Log;
use crate::scan::HeaderScan;
use crate::segment::Segment;
use crate::transaction_index::read_entries;
use crate::types::{AbortedTransaction, CompactRequest, CompactResult};

impl Log {
    /// Compacts once. Waits for the disk; other work on the log goes on meanwhile, save for trim
    /// and truncation.
    pub fn compact(&self, request: &CompactRequest) -> Result<CompactResult> {
        let _rearranging = self.rearranging.lock();
        self.check_open()?;
        let candidates = self.cleanable(request.first_uncleanable_offset);
        let mut result = CompactResult {
            next_dirty_offset: request.first_dirty_offset,
            bytes_before: 0,
            bytes_after: 0,
            records_kept: 0,
        };
        let Some((_, last_next)) = candidates.last() else {
            return Ok(result);
        };
        if *last_next <= request.first_dirty_offset {
            return Ok(result);
        }
        let aborted = self.aborted_in(&candidates)?;
        let mut map = KeyMap::new(request.dedupe_buffer_bytes);
        let clean_end = self.map_keys(&candidates, request, &aborted, &mut map)?;
        let producers = self
            .last_batches()
            .map_err(|error| self.unreadable(&error))?;
        let mut cleaner = Cleaner::new(&map, clean_end, request, &producers);
        let mut aborted = Aborted::new(aborted);
        let mut begun = candidates;
        begun.retain(|(segment, _)| segment.base_offset < clean_end);
        for group in self.groups(&begun) {
            result.bytes_before += group
                .iter()
                .map(|segment| segment.size_bytes())
                .sum::<u64>();
            result.bytes_after += self.clean_group(&group, &mut cleaner, &mut aborted)?;
        }
        result.next_dirty_offset = clean_end;
        result.records_kept = cleaner.records_kept;
        Ok(result)
    }

    /// Sealed segments that end at or below the bound, each with the offset after it.
    fn cleanable(&self, first_uncleanable: i64) -> Vec<(Arc<Segment>, i64)> {
        let segments = self.all_segments();
        segments
            .windows(2)
            .map(|pair| (Arc::clone(&pair[0]), pair[1].base_offset))
            .take_while(|(_, next)| *next <= first_uncleanable)
            .collect()
    }

    fn aborted_in(&self, segments: &[(Arc<Segment>, i64)]) -> Result<Vec<AbortedTransaction>> {
        let mut entries = Vec::new();
        for (segment, _) in segments {
            entries.extend(read_entries(&self.dir, &segment.transaction_index_path())?);
        }
        Ok(entries)
    }

    /// Fills the map; gives the offset below which it knows every key of the dirty part.
    fn map_keys(
        &self,
        segments: &[(Arc<Segment>, i64)],
        request: &CompactRequest,
        aborted: &[AbortedTransaction],
        map: &mut KeyMap,
    ) -> Result<i64> {
        let disk = &*self.dir.disk;
        let mut aborted = Aborted::new(aborted.to_vec());
        let mut body = Vec::new();
        let mut clean_end = request.first_dirty_offset;
        for (segment, next) in segments {
            if *next <= request.first_dirty_offset {
                continue;
            }
            let file = self.patient_file(segment)?;
            let mut walk = BatchWalk::new(disk, &file, segment.size_bytes());
            while let Some((header, batch)) =
                walk.next().map_err(|error| self.unreadable(&error))?
            {
                let gone = aborted.covers(&header, &batch[millrace_record::HEADER_BYTES..]);
                if header.last_offset() < request.first_dirty_offset {
                    continue;
                }
                if header.record_count as usize > map.room()
                    && clean_end > request.first_dirty_offset
                {
                    return Ok(clean_end);
                }
                clean_end = header.next_offset();
                let readable = !gone && !header.is_control();
                if !readable || !inflate(&header, batch, request, &mut body) {
                    continue;
                }
                for record in RawRecords::new(&body, header.record_count).flatten() {
                    if let Some(key) = record.key {
                        map.put(key, header.base_offset + i64::from(record.offset_delta));
                    }
                }
            }
            clean_end = *next;
        }
        Ok(clean_end)
    }

    /// Base offset of each producer's last data batch.
    fn last_batches(&self) -> io::Result<HashMap<i64, i64>> {
        let mut last = HashMap::new();
        for segment in self.all_segments() {
            let disk = &*self.dir.disk;
            let mut walk = || -> std::result::Result<(), Miss> {
                let file = segment.file(disk, Patience::Disk)?;
                let mut scan = HeaderScan::new(disk, file, segment.size_bytes(), Patience::Disk);
                let mut position = 0;
                while let Some(header) = scan.header(position)? {
                    if header.producer_id >= 0 && !header.is_control() {
                        last.insert(header.producer_id, header.base_offset);
                    }
                    position += header.size_bytes;
                }
                Ok(())
            };
            walk().map_err(|miss| match miss {
                Miss::Failed(error) => error,
                Miss::Cold => io::ErrorKind::UnexpectedEof.into(),
                Miss::Corrupt => io::ErrorKind::InvalidData.into(),
            })?;
        }
        Ok(last)
    }

    /// Neighbours that fit into one segment together, by bytes and by offsets.
    fn groups(&self, segments: &[(Arc<Segment>, i64)]) -> Vec<Vec<Arc<Segment>>> {
        let limit = self.options.read().segment_bytes;
        let mut groups: Vec<Vec<Arc<Segment>>> = Vec::new();
        let (mut base, mut bytes) = (0, 0);
        for (segment, next) in segments {
            let fits = bytes + segment.size_bytes() <= limit && next - base <= i64::from(i32::MAX);
            match groups.last_mut().filter(|_| fits) {
                Some(group) => group.push(Arc::clone(segment)),
                None => {
                    groups.push(vec![Arc::clone(segment)]);
                    (base, bytes) = (segment.base_offset, 0);
                }
            }
            bytes += segment.size_bytes();
        }
        groups
    }

    /// Filters a group into one segment and puts it in place. Gives its bytes.
    fn clean_group(
        &self,
        group: &[Arc<Segment>],
        cleaner: &mut Cleaner<'_>,
        aborted: &mut Aborted,
    ) -> Result<u64> {
        let disk = &*self.dir.disk;
        let interval = self.options.read().index_interval_bytes;
        let judge = |error: io::Error| self.dir.judge(&format!("compact {}", self.name), &error);
        let mut cleaned =
            CleanedSegment::create(disk, self.directory(), group, interval).map_err(judge)?;
        let mut changed = group.len() > 1;
        for segment in group {
            let file = self.patient_file(segment)?;
            let mut walk = BatchWalk::new(disk, &file, segment.size_bytes());
            while let Some((header, batch)) =
                walk.next().map_err(|error| self.unreadable(&error))?
            {
                let gone = aborted.covers(&header, &batch[millrace_record::HEADER_BYTES..]);
                let written = match cleaner.judge(&header, batch, gone) {
                    Verdict::Keep => cleaned.push(batch),
                    Verdict::Rewrite => {
                        changed = true;
                        cleaned.push(&cleaner.output)
                    }
                    Verdict::Drop => {
                        changed = true;
                        Ok(())
                    }
                };
                if let Err(error) = written {
                    cleaned.discard();
                    return Err(judge(error));
                }
            }
        }
        if !changed {
            cleaned.discard();
            return Ok(group.iter().map(|segment| segment.size_bytes()).sum());
        }
        let mut transactions = Vec::new();
        for segment in group {
            transactions.extend(read_entries(&self.dir, &segment.transaction_index_path())?);
        }
        let facts = cleaned.finish(&transactions).map_err(|error| {
            // A failed flush of the new file says nothing good about the disk.
            self.dir.fail(&format!("compact {}", self.name), &error)
        })?;
        self.swap_in(group, &facts)?;
        Ok(facts.size_bytes)
    }

    fn patient_file(&self, segment: &Segment) -> Result<Arc<std::fs::File>> {
        segment
            .file(&*self.dir.disk, Patience::Disk)
            .cloned()
            .map_err(|miss| miss.into_error(&format!("compact {}", self.name)))
    }

    /// Reading failed: the log stays as it is.
    fn unreadable(&self, error: &io::Error) -> EngineError {
        let what = format!("compact {}", self.name);
        match error.kind() {
            io::ErrorKind::InvalidData => {
                EngineError::new(ErrorCode::CorruptFile, format!("{what}: {error}"))
            }
            _ => EngineError::io(what, error),
        }
    }
}

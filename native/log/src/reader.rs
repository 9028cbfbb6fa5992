//! Finds whole batches without reading them, and reads them for those who must.
//!
//! ```text
//!            offset                        up_to_offset
//!              v                                v
//! ... | batch | batch | batch | batch | batch | batch ...
//!             ^ start                 ^ end: the last boundary within max_bytes and below the bound
//! ```
//! Start and end come from remembered boundaries where a reader goes on where it stopped, else from
//! the offset index and a short walk over headers.

use std::sync::Arc;

use millrace_io::{EngineError, ErrorCode, Result, read_ahead, resident};
use millrace_record::BatchHeader;

use crate::access::{Miss, Patience, read_exact};
use crate::cursor::Mark;
use crate::log::Log;
use crate::scan::HeaderScan;
use crate::segment::Segment;
use crate::types::{Locate, Located, ReadBounds};

/// Most bytes that one `warm` or `read` brings into memory.
const READ_BYTES_MAX: u64 = 64 << 20;
const WARM_CHUNK_BYTES: usize = 256 << 10;

/// What the view said about the segment that is read.
struct Place {
    segment: Arc<Segment>,
    /// Readable bytes when the view was read: a batch boundary.
    size_bytes: u64,
    /// Base offset of the next segment, or the log end.
    next_offset: i64,
    /// Nothing at or above it is given.
    bound: i64,
}

enum Found {
    Located(Arc<Segment>, Located),
    Empty,
    OutOfRange,
}

impl Log {
    /// Finds whole batches from the one that holds `offset`. Never waits for the disk: answers
    /// `Cold` when index, headers or the batches themselves are not in memory. Of a poisoned
    /// directory gives what was flushed before: the page cache may have dropped the rest.
    pub fn locate(&self, bounds: &ReadBounds) -> Locate {
        let mut bounds = *bounds;
        if self.dir.poison.is_set() {
            let flushed = self.flushed_offset();
            if (flushed..bounds.up_to_offset).contains(&bounds.offset) {
                return Locate::Failed;
            }
            bounds.up_to_offset = bounds.up_to_offset.min(flushed);
        }
        match self.find(&bounds, Patience::Memory) {
            Ok(Found::Located(segment, located)) => match self.is_resident(&segment, &located) {
                Ok(true) => {
                    self.cursors.remember(Mark {
                        offset: located.next_offset,
                        segment: segment.handle,
                        position: located.position + located.length_bytes,
                    });
                    Locate::Found(located)
                }
                Ok(false) => Locate::Cold,
                Err(_) => Locate::Failed,
            },
            Ok(Found::Empty) => Locate::Empty,
            // What waits for the writer thread has its offsets already.
            Ok(Found::OutOfRange) if self.is_staged(bounds.offset) => Locate::Empty,
            Ok(Found::OutOfRange) => Locate::OutOfRange,
            Err(Miss::Cold) => Locate::Cold,
            Err(Miss::Failed(_) | Miss::Corrupt) => Locate::Failed,
        }
    }

    fn is_staged(&self, offset: i64) -> bool {
        let log_end = self.log_end_offset();
        offset > log_end && offset <= self.tail.lock().mark.next_offset
    }

    fn is_resident(&self, segment: &Segment, located: &Located) -> std::io::Result<bool> {
        if self.warmed.find(segment.handle, located.first_base_offset) == Some(located.position) {
            // Once: memory may be so short that it is gone again, and then waiting is all one can do.
            self.warmed.clear();
            return Ok(true);
        }
        match segment.opened_file() {
            Some(file) => resident(file, located.position, located.length_bytes),
            None => Ok(false),
        }
    }

    /// Brings index, headers and the batches of up to `max_bytes` from `offset` into memory.
    pub fn warm(&self, offset: i64, max_bytes: u64) -> Result<()> {
        let bounds = ReadBounds {
            offset,
            up_to_offset: i64::MAX,
            max_bytes: max_bytes.min(READ_BYTES_MAX),
            at_least_one: true,
        };
        let Found::Located(segment, located) = self.find_patiently(&bounds)? else {
            return Ok(());
        };
        let disk = &*self.dir.disk;
        let what = format!("read {}", self.name);
        let file = segment
            .file(disk, Patience::Disk)
            .map_err(|miss| miss.into_error(&what))?;
        let failed = |error| EngineError::io(&what, &error);
        read_ahead(file, located.position, located.length_bytes).map_err(failed)?;
        let mut chunk = vec![0; WARM_CHUNK_BYTES.min(located.length_bytes as usize)];
        let (mut position, mut left) = (located.position, located.length_bytes);
        while left > 0 {
            let count = left.min(chunk.len() as u64) as usize;
            disk.read_exact_at(file, &mut chunk[..count], position)
                .map_err(failed)?;
            position += count as u64;
            left -= count as u64;
        }
        self.warmed.remember(Mark {
            offset: located.first_base_offset,
            segment: segment.handle,
            position: located.position,
        });
        Ok(())
    }

    /// Copies whole batches; waits for the disk. Empty when there is nothing below the bound.
    pub fn read(&self, bounds: &ReadBounds) -> Result<Vec<u8>> {
        let bounds = ReadBounds {
            max_bytes: bounds.max_bytes.min(READ_BYTES_MAX),
            ..*bounds
        };
        match self.find_patiently(&bounds)? {
            Found::Empty => Ok(Vec::new()),
            Found::OutOfRange => Err(EngineError::new(
                ErrorCode::OffsetOutOfRange,
                format!("offset {} is not in {}", bounds.offset, self.name),
            )),
            Found::Located(segment, located) => {
                let disk = &*self.dir.disk;
                let mut bytes = vec![0; located.length_bytes as usize];
                segment
                    .file(disk, Patience::Disk)
                    .and_then(|file| {
                        read_exact(disk, file, &mut bytes, located.position, Patience::Disk)
                    })
                    .map_err(|miss| miss.into_error(&format!("read {}", self.name)))?;
                Ok(bytes)
            }
        }
    }

    fn find_patiently(&self, bounds: &ReadBounds) -> Result<Found> {
        let found = match self.find(bounds, Patience::Disk) {
            // Trimmed or compacted in between: the view knows better by now.
            Err(Miss::Failed(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                self.find(bounds, Patience::Disk)
            }
            other => other,
        };
        found.map_err(|miss| miss.into_error(&format!("read {}", self.name)))
    }

    fn find(&self, bounds: &ReadBounds, patience: Patience) -> std::result::Result<Found, Miss> {
        let mut offset = bounds.offset;
        loop {
            let place = match self.place_of(bounds.offset, offset, bounds.up_to_offset) {
                Ok(place) => place,
                Err(answer) => return Ok(answer),
            };
            let file = Arc::clone(place.segment.file(&*self.dir.disk, patience)?);
            let mut scan = HeaderScan::new(&*self.dir.disk, &file, place.size_bytes, patience);
            let Some((position, first_base_offset)) =
                self.find_start(&place, offset, &mut scan, patience)?
            else {
                // Compaction left nothing at or after the offset in this segment.
                offset = place.next_offset;
                continue;
            };
            let (mut end, mut next_offset) =
                self.find_end(&place, position, bounds.max_bytes, &mut scan, patience)?;
            if end == position {
                // Not even one batch fits: it stands at the bound, or it is larger than the limit.
                let first = scan.header(position)?;
                let wanted =
                    |first: &BatchHeader| bounds.at_least_one && first.last_offset() < place.bound;
                let Some(first) = first.filter(wanted) else {
                    return Ok(Found::Empty);
                };
                end = position + first.size_bytes;
                next_offset = first.next_offset();
            }
            let located = Located {
                segment_base_offset: place.segment.handle,
                position,
                length_bytes: end - position,
                first_base_offset,
                next_offset,
            };
            return Ok(Found::Located(place.segment, located));
        }
    }

    /// The segment for `offset`, or the answer when nothing can be there.
    fn place_of(&self, wanted: i64, offset: i64, up_to: i64) -> std::result::Result<Place, Found> {
        let view = self.view.read();
        if wanted < view.log_start || wanted > view.log_end {
            return Err(Found::OutOfRange);
        }
        let bound = up_to.min(view.log_end);
        let above = view
            .segments
            .partition_point(|segment| segment.base_offset <= offset);
        let Some(segment) = above
            .checked_sub(1)
            .and_then(|index| view.segments.get(index))
        else {
            return Err(Found::OutOfRange);
        };
        if offset >= bound {
            return Err(Found::Empty);
        }
        Ok(Place {
            segment: Arc::clone(segment),
            size_bytes: segment.size_bytes(),
            next_offset: view
                .segments
                .get(above)
                .map_or(view.log_end, |next| next.base_offset),
            bound,
        })
    }

    /// Position and base offset of the first batch that ends at or after `offset`.
    fn find_start(
        &self,
        place: &Place,
        offset: i64,
        scan: &mut HeaderScan<'_>,
        patience: Patience,
    ) -> std::result::Result<Option<(u64, i64)>, Miss> {
        let handle = place.segment.handle;
        let remembered = self
            .cursors
            .find(handle, offset)
            .or_else(|| self.ends.find(handle, offset));
        if let Some(position) = remembered.filter(|position| *position < place.size_bytes) {
            // A remembered boundary: the batch there begins at this very offset. No need to look.
            return Ok(Some((position, offset)));
        }
        let index = &place.segment.offset_index;
        let floor = index.floor_offset(&*self.dir.disk, patience, offset)?;
        let mut position = floor.map_or(0, |entry| entry.position);
        while let Some(header) = scan.header(position)? {
            if header.last_offset() >= offset {
                return Ok(Some((position, header.base_offset)));
            }
            position += header.size_bytes;
        }
        Ok(None)
    }

    /// The last boundary below the bound and within `max_bytes`, and the offset after it; `start`
    /// when not even one batch fits.
    fn find_end(
        &self,
        place: &Place,
        start: u64,
        max_bytes: u64,
        scan: &mut HeaderScan<'_>,
        patience: Patience,
    ) -> std::result::Result<(u64, i64), Miss> {
        let limit = start.saturating_add(max_bytes);
        if place.bound >= place.next_offset && place.size_bytes <= limit {
            return Ok((place.size_bytes, place.next_offset));
        }
        let remembered = self.ends.find(place.segment.handle, place.bound);
        if let Some(end) = remembered.filter(|end| *end <= limit && *end > start) {
            return Ok((end, place.bound));
        }
        self.walk_to_end(place, start, limit, scan, patience)
    }

    /// Starts at the last indexed batch that cannot be too far and walks to the first that is.
    fn walk_to_end(
        &self,
        place: &Place,
        start: u64,
        limit: u64,
        scan: &mut HeaderScan<'_>,
        patience: Patience,
    ) -> std::result::Result<(u64, i64), Miss> {
        let (disk, index) = (&*self.dir.disk, &place.segment.offset_index);
        let mut inside = index.floor_position(disk, patience, limit)?;
        if inside.is_some_and(|entry| entry.last_offset >= place.bound) {
            inside = index.floor_offset(disk, patience, place.bound - 1)?;
        }
        let nearest = inside.map_or(start, |entry| entry.position);
        let mut position = nearest.max(start);
        while let Some(header) = scan.header(position)? {
            let too_far =
                header.last_offset() >= place.bound || position + header.size_bytes > limit;
            if too_far {
                return Ok((position, header.base_offset));
            }
            position += header.size_bytes;
        }
        Ok((position, place.next_offset))
    }
}

//! Executes what was staged: one gathered write per run of batches that lie in one segment, then
//! indexes, then the log end moves. All or nothing of one commit becomes readable.

use std::io::{self, IoSlice};
use std::sync::Arc;

use millrace_io::{EngineError, ErrorCode, Result};

use crate::access::Patience;
use crate::cursor::Mark;
use crate::log::Log;
use crate::segment::Segment;
use crate::tail::{StagedBatch, TailMark};

/// The kernel's bound on slices per call.
const SLICES_MAX: usize = 1024;

impl Log {
    /// Writes all batches, which begin at the log end, from as many slices. On an error nothing of it is in the log;
    /// an error other than `NoSpace` has poisoned the directory.
    pub(crate) fn write_staged(
        &self,
        batches: &[StagedBatch],
        slices: &[IoSlice<'_>],
    ) -> Result<()> {
        let _writing = self.writing.lock();
        self.dir.poison.check()?;
        let Some(active) = self.view.read().segments.last().cloned() else {
            return Err(EngineError::new(
                ErrorCode::UnknownHandle,
                "log without segments",
            ));
        };
        let start = active.size_bytes();
        let mut opened: Vec<Arc<Segment>> = Vec::new();
        if let Err(error) = self.write_runs(batches, slices, &active, start, &mut opened) {
            return Err(self.cut_back(&active, start, &opened, &error));
        }
        self.publish(batches, &active, start, &opened)
    }

    fn write_runs(
        &self,
        batches: &[StagedBatch],
        slices: &[IoSlice<'_>],
        active: &Arc<Segment>,
        start: u64,
        opened: &mut Vec<Arc<Segment>>,
    ) -> io::Result<()> {
        let mut segment = Arc::clone(active);
        let mut position = start;
        let mut from = 0;
        while from < batches.len() {
            if let Some(base_offset) = batches[from].roll_at {
                segment = self.create_segment(base_offset)?;
                opened.push(Arc::clone(&segment));
                position = 0;
            }
            let rest = &batches[from + 1..];
            let run = 1 + rest
                .iter()
                .take_while(|batch| batch.roll_at.is_none())
                .count();
            let slices = &slices[from..from + run];
            position = self.write_run(&segment, slices, position)?;
            from += run;
        }
        Ok(())
    }

    pub(crate) fn create_segment(&self, base_offset: i64) -> io::Result<Arc<Segment>> {
        let index_bytes = self.options.read().segment_index_bytes;
        Segment::create(&*self.dir.disk, self.directory(), base_offset, index_bytes).map(Arc::new)
    }

    /// Gives the position behind the last byte.
    fn write_run(
        &self,
        segment: &Segment,
        slices: &[IoSlice<'_>],
        mut position: u64,
    ) -> io::Result<u64> {
        let file = match segment.file(&*self.dir.disk, Patience::Disk) {
            Ok(file) => file,
            Err(crate::access::Miss::Failed(error)) => return Err(error),
            Err(_) => return Err(io::ErrorKind::NotFound.into()),
        };
        for chunk in slices.chunks(SLICES_MAX) {
            let total: usize = chunk.iter().map(|slice| slice.len()).sum();
            let written = self.write_some(file, chunk, position)?;
            position += written as u64;
            if written < total {
                position = self.write_rest(file, chunk, written, position)?;
            }
        }
        Ok(position)
    }

    fn write_some(
        &self,
        file: &std::fs::File,
        slices: &[IoSlice<'_>],
        position: u64,
    ) -> io::Result<usize> {
        loop {
            match self.dir.disk.write_vectored_at(file, slices, position) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// A short write: the disk took `skip` bytes; the next call succeeds or tells why not.
    fn write_rest(
        &self,
        file: &std::fs::File,
        slices: &[IoSlice<'_>],
        mut skip: usize,
        mut position: u64,
    ) -> io::Result<u64> {
        for slice in slices {
            if skip >= slice.len() {
                skip -= slice.len();
                continue;
            }
            let mut rest = &slice[skip..];
            skip = 0;
            while !rest.is_empty() {
                let written = self.write_some(file, &[IoSlice::new(rest)], position)?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                rest = &rest[written..];
                position += written as u64;
            }
        }
        Ok(position)
    }

    /// After a failed write: lack of space is undone so that the log can go on once space returns;
    /// everything else is final.
    fn cut_back(
        &self,
        active: &Segment,
        start: u64,
        opened: &[Arc<Segment>],
        cause: &io::Error,
    ) -> EngineError {
        let error = self.dir.judge(&format!("append to {}", self.name), cause);
        if error.code() != ErrorCode::NoSpace {
            return error;
        }
        let disk = &*self.dir.disk;
        let undo = || -> io::Result<()> {
            for segment in opened {
                for extension in crate::layout::SEGMENT_EXTENSIONS {
                    match disk.remove_file(&segment.path(extension)) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
            }
            match active.opened_file() {
                Some(file) => disk.set_len(file, start),
                None => Ok(()),
            }
        };
        match undo() {
            Ok(()) => error,
            Err(second) => self.dir.fail(&format!("cut back {}", self.name), &second),
        }
    }

    /// Everything is in the page cache: index it and let readers see it.
    fn publish(
        &self,
        batches: &[StagedBatch],
        active: &Arc<Segment>,
        start: u64,
        opened: &[Arc<Segment>],
    ) -> Result<()> {
        let disk = &*self.dir.disk;
        let fail = |error: io::Error| self.dir.fail(&format!("index {}", self.name), &error);
        let mut segment = active;
        let mut next_opened = opened.iter();
        let mut position = start;
        let mut log_end = 0;
        for batch in batches {
            if batch.roll_at.is_some() {
                segment.set_size_bytes(position);
                segment.seal(disk).map_err(fail)?;
                segment = next_opened.next().unwrap_or(segment);
                position = 0;
            }
            let indexed = batch.indexed.then_some(position);
            segment
                .note_batch(disk, batch.last_offset, batch.max_timestamp, indexed)
                .map_err(fail)?;
            position += batch.size_bytes;
            log_end = batch.last_offset + 1;
        }
        let mark = Mark {
            offset: log_end,
            segment: segment.handle,
            position,
        };
        self.ends.remember(mark);
        let mut view = self.view.write();
        // Size and log end move together: whoever holds the view sees a batch boundary.
        segment.set_size_bytes(position);
        view.segments.extend(opened.iter().cloned());
        view.log_end = log_end;
        Ok(())
    }

    /// Closes the active segment and opens a new one when it is not empty. Gives the base offset of
    /// the active segment. Everything staged must be committed. Nothing happens while commits wait
    /// for the writer thread: they were staged for the segment as it is.
    pub fn roll(&self) -> Result<i64> {
        self.check_open()?;
        if self.tail.lock().deferred_count > 0 {
            let view = self.view.read();
            return Ok(view
                .segments
                .last()
                .map_or(view.log_end, |active| active.base_offset));
        }
        let base = {
            let _writing = self.writing.lock();
            let (active, log_end) = {
                let view = self.view.read();
                (view.segments.last().cloned(), view.log_end)
            };
            let Some(active) = active.filter(|segment| segment.size_bytes() > 0) else {
                return Ok(log_end);
            };
            let judge = |error: io::Error| self.dir.judge(&format!("roll {}", self.name), &error);
            let segment = self.create_segment(log_end).map_err(judge)?;
            active
                .seal(&*self.dir.disk)
                .map_err(|error| self.dir.fail(&format!("index {}", self.name), &error))?;
            let mut tail = self.tail.lock();
            tail.mark = TailMark::of_new_segment(log_end);
            tail.committed = tail.mark;
            self.view.write().segments.push(segment);
            log_end
        };
        Ok(base)
    }
}

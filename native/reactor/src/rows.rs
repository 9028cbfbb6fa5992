//! Tables of doubles shared with JavaScript: event rows out, send rows in.

use std::io;
use std::sync::Arc;

use crate::mapping::Mapping;

/// Doubles per event row.
pub const EVENT_STRIDE: usize = 8;
/// Doubles per send row.
pub const SEND_STRIDE: usize = 6;

/// Kinds of event rows, column 0. Kinds of native/log's completions keep their own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// connection id, buffer id, offset, length
    Frame = 1,
    /// connection id, listener id
    Opened = 2,
    /// connection id, close reason
    Closed = 3,
}

/// Kinds of send rows, column 1; column 0 is the connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SendKind {
    /// offset and length in `out`
    Bytes = 1,
    /// log id, segment base offset, position, length
    File = 2,
    /// closes once everything before is written
    CloseAfter = 3,
}

/// A table of `rows` × `stride` doubles.
#[derive(Debug)]
pub(crate) struct RowTable {
    mapping: Arc<Mapping>,
    stride: usize,
    rows: usize,
}

impl RowTable {
    pub(crate) fn new(rows: usize, stride: usize) -> io::Result<Self> {
        let mapping = Arc::new(Mapping::new(rows * stride * size_of::<f64>())?);
        Ok(Self {
            mapping,
            stride,
            rows,
        })
    }

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    pub(crate) fn capacity(&self) -> usize {
        self.rows
    }

    /// Fills the first columns of a row.
    pub(crate) fn write<const N: usize>(&self, row: usize, columns: [f64; N]) {
        assert!(row < self.rows && N <= self.stride, "row outside of table");
        // SAFETY: in bounds (checked above) and aligned (a mapping starts on a page); written
        // while JavaScript does not run.
        #[allow(unsafe_code, reason = "memory shared with JavaScript")]
        unsafe {
            let at = self.mapping.as_ptr().cast::<f64>().add(row * self.stride);
            at.cast::<[f64; N]>().write(columns);
        }
    }

    /// Copies a row of `N` = stride columns.
    pub(crate) fn read<const N: usize>(&self, row: usize) -> [f64; N] {
        assert!(row < self.rows && N <= self.stride, "row outside of table");
        // SAFETY: as in `write`; any bit pattern is a double.
        #[allow(unsafe_code, reason = "memory shared with JavaScript")]
        unsafe {
            self.mapping
                .as_ptr()
                .cast::<f64>()
                .add(row * self.stride)
                .cast::<[f64; N]>()
                .read()
        }
    }
}

//! Records inside an uncompressed body.
//!
//! `varint length | i8 attributes | varlong timestamp delta | varint offset delta | varint key length,
//! key | varint value length, value | varint header count, headers`

use crate::validate::BatchFault;
use crate::varint::{read_varint, read_varlong, write_varint, write_varlong};

/// One record, undecoded where nobody needs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// The whole record including its length prefix.
    pub bytes: &'a [u8],
    /// Timestamp minus the batch's base timestamp.
    pub timestamp_delta: i64,
    /// Offset minus the batch's base offset.
    pub offset_delta: i32,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Header count and headers, undecoded.
    pub headers: &'a [u8],
}

/// Iterator over the records of a body; ends after `count` records or with the first fault.
#[derive(Debug)]
pub struct RawRecords<'a> {
    body: &'a [u8],
    at: usize,
    left: i32,
}

impl<'a> RawRecords<'a> {
    /// Over `count` records in `body`, which is decompressed and without the batch header.
    pub fn new(body: &'a [u8], count: i32) -> Self {
        Self {
            body,
            at: 0,
            left: count,
        }
    }

    fn parse(&mut self) -> Option<RawRecord<'a>> {
        let start = self.at;
        let mut at = start;
        let length = usize::try_from(read_varint(self.body, &mut at)?).ok()?;
        let end = at.checked_add(length)?;
        let bytes = self.body.get(start..end)?;
        let inner = self.body.get(..end)?;
        at += 1; // attributes, always zero
        let timestamp_delta = read_varlong(inner, &mut at)?;
        let offset_delta = read_varint(inner, &mut at)?;
        let key = read_bytes(inner, &mut at)?;
        let value = read_bytes(inner, &mut at)?;
        let headers = inner.get(at..)?;
        let mut probe = 0;
        if read_varint(headers, &mut probe)? < 0 {
            return None;
        }
        self.at = end;
        Some(RawRecord {
            bytes,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers,
        })
    }
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Result<RawRecord<'a>, BatchFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let parsed = self.parse();
        if parsed.is_none() {
            self.left = 0;
        }
        Some(parsed.ok_or(BatchFault::Invalid))
    }
}

/// `Some(None)` is null; the outer `None` is a fault.
#[allow(
    clippy::option_option,
    reason = "fault, null and bytes are three different answers"
)]
fn read_bytes<'a>(bytes: &'a [u8], at: &mut usize) -> Option<Option<&'a [u8]>> {
    let length = read_varint(bytes, at)?;
    if length == -1 {
        return Some(None);
    }
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let content = bytes.get(*at..end)?;
    *at = end;
    Some(Some(content))
}

/// Appends a record with other deltas than it had; `headers` as in [`RawRecord`].
pub fn write_record(
    into: &mut Vec<u8>,
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[u8],
) {
    let mut inner = Vec::with_capacity(
        32 + key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers.len(),
    );
    inner.push(0);
    write_varlong(&mut inner, timestamp_delta);
    write_varint(&mut inner, offset_delta);
    for part in [key, value] {
        match part {
            None => write_varint(&mut inner, -1),
            Some(bytes) => {
                write_varint(&mut inner, bytes.len() as i32);
                inner.extend_from_slice(bytes);
            }
        }
    }
    inner.extend_from_slice(headers);
    write_varint(into, inner.len() as i32);
    into.extend_from_slice(&inner);
}

/// Type of a control record and, for transaction markers, the coordinator epoch (else -1). `None`
/// when the body does not start with a readable record.
pub fn control_type(body: &[u8]) -> Option<(i16, i32)> {
    let record = RawRecords::new(body, 1).next()?.ok()?;
    let key: [u8; 4] = record.key?.first_chunk().copied()?;
    let coordinator_epoch = record
        .value
        .and_then(|value| value.get(2..6))
        .map_or(-1, |bytes| {
            i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        });
    Some((i16::from_be_bytes([key[2], key[3]]), coordinator_epoch))
}

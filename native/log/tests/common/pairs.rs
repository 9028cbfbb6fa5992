//! Batches of keys and values, and the view that a reader of a compacted topic has.

use std::collections::BTreeMap;

use millrace_codec::{compress, decompress};
use millrace_log::{CompactRequest, Log};
use millrace_record::{
    BatchFields, BatchHeader, HEADER_BYTES, RawRecords, check_batch, seal, write_batch,
};

use super::Bench;

pub type Pair = (Vec<u8>, Option<Vec<u8>>);
/// Offset, timestamp, key, value.
pub type Row = (i64, i64, Vec<u8>, Option<Vec<u8>>);

pub const NOW: i64 = 10_000_000_000;

pub fn request(log: &Log) -> CompactRequest {
    CompactRequest {
        first_dirty_offset: 0,
        first_uncleanable_offset: log.log_end_offset(),
        now_ms: NOW,
        delete_retention_ms: 1_000,
        max_message_bytes: 1 << 20,
        dedupe_buffer_bytes: 1 << 20,
    }
}

pub fn batch(pairs: &[Pair], fields: &BatchFields, codec: u8) -> Vec<u8> {
    let records: Vec<_> = pairs
        .iter()
        .map(|(key, value)| (Some(&key[..]), value.as_deref()))
        .collect();
    let plain = write_batch(fields, &records);
    let mut packed = plain[..HEADER_BYTES].to_vec();
    compress(codec, &plain[HEADER_BYTES..], &mut packed).unwrap();
    let mut header = BatchHeader::read(&packed).unwrap();
    header.attributes |= i16::from(codec);
    header.size_bytes = packed.len() as u64;
    header.write(&mut packed);
    seal(&mut packed);
    packed
}

/// (offset, timestamp, key, value) of every data record, after checking every batch.
pub fn records(bytes: &[u8]) -> Vec<Row> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(header) = BatchHeader::read(rest) {
        let (one, after) = rest.split_at(header.size_bytes as usize);
        check_batch(one).unwrap();
        rest = after;
        if header.is_control() {
            continue;
        }
        let mut body = Vec::new();
        decompress(header.codec(), &one[HEADER_BYTES..], 1 << 20, &mut body).unwrap();
        for record in RawRecords::new(&body, header.record_count) {
            let record = record.unwrap();
            all.push((
                header.base_offset + i64::from(record.offset_delta),
                header.base_timestamp + record.timestamp_delta,
                record.key.unwrap().to_vec(),
                record.value.map(<[u8]>::to_vec),
            ));
        }
    }
    all
}

pub fn latest(bytes: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut view = BTreeMap::new();
    for (_, _, key, value) in records(bytes) {
        match value {
            Some(value) => view.insert(key, value),
            None => view.remove(&key),
        };
    }
    view
}

pub fn pair(key: u8, value: Option<usize>) -> Pair {
    (vec![key], value.map(|filler| vec![key; filler]))
}

pub fn fill(bench: &mut Bench, log: &Log, rounds: usize) {
    for round in 0..rounds {
        let pairs: Vec<_> = (0..7u8)
            .map(|key| pair(key, Some(20 + round % 30)))
            .collect();
        let fields = BatchFields {
            base_timestamp: round as i64,
            ..BatchFields::default()
        };
        bench.append(log.id(), batch(&pairs, &fields, (round % 5) as u8));
    }
    log.roll().unwrap();
}

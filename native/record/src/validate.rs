//! Checks of a batch before anything believes its numbers (kafka-surface H6).

use crate::crc::crc_of_batch;
use crate::header::{BatchHeader, HEADER_BYTES, MAGIC};

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchFault {
    /// Lengths, counts or magic do not fit.
    Invalid,
    /// The CRC does not match.
    Corrupt,
}

/// The smallest record: length, attributes, two deltas, two lengths, header count.
const SMALLEST_RECORD_BYTES: i64 = 7;

/// Checks the header's numbers against one another; says nothing of the bytes behind it.
#[inline]
pub fn check_header(header: &BatchHeader) -> Result<(), BatchFault> {
    let body = header.size_bytes as i64 - HEADER_BYTES as i64;
    let count = i64::from(header.record_count);
    let sane = header.magic == MAGIC
        && body >= 0
        && header.last_offset_delta >= 0
        && count >= 0
        && count <= i64::from(header.last_offset_delta) + 1
        && header.codec() <= 4
        && (header.codec() != 0 || count * SMALLEST_RECORD_BYTES <= body);
    if sane {
        Ok(())
    } else {
        Err(BatchFault::Invalid)
    }
}

/// Checks that `bytes` is exactly one batch with a matching CRC and gives its header.
#[inline]
pub fn check_batch(bytes: &[u8]) -> Result<BatchHeader, BatchFault> {
    let header = BatchHeader::read(bytes).ok_or(BatchFault::Invalid)?;
    if header.size_bytes != bytes.len() as u64 {
        return Err(BatchFault::Invalid);
    }
    check_header(&header)?;
    if crc_of_batch(bytes) != header.crc {
        return Err(BatchFault::Corrupt);
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch_writer::{BatchFields, write_batch};
    use proptest::prelude::*;

    fn batch() -> Vec<u8> {
        let records = [(Some(&b"key"[..]), Some(&b"value"[..])), (None, None)];
        write_batch(
            &BatchFields {
                base_timestamp: 1_000,
                ..BatchFields::default()
            },
            &records,
        )
    }

    #[test]
    fn a_written_batch_passes() {
        let header = check_batch(&batch()).unwrap();
        assert_eq!((header.record_count, header.last_offset_delta), (2, 1));
        assert_eq!(header.max_timestamp, 1_000);
    }

    #[test]
    fn wrong_lengths_and_counts_are_invalid() {
        let good = batch();
        assert_eq!(
            check_batch(&good[..good.len() - 1]),
            Err(BatchFault::Invalid)
        );
        assert_eq!(check_batch(&[]), Err(BatchFault::Invalid));
        for (at, value) in [
            (8, 0x80u8),
            (16, 1),
            (23, 0x80),
            (57, 0x80),
            (57, 1),
            (22, 7),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(check_batch(&bytes), Err(BatchFault::Invalid), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_flipped_bit_under_the_crc_is_found(at in 21usize..80, bit in 0u8..8) {
            let mut bytes = batch();
            prop_assume!(at < bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(check_batch(&bytes).is_err());
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check_batch(&bytes);
        }
    }
}

//! CRC32C of a batch. The `crc32c` crate runs three interleaved streams of the SSE4.2 (or ARMv8)
//! instruction: 17-22 GB/s here on 4 KB to 1 MB, against 10-14 of `crc-fast`.

/// First byte that a batch's CRC covers.
pub const COVERED_FROM: usize = 21;

/// CRC32C of everything the batch's CRC covers. Panics below 21 bytes.
#[inline]
pub fn crc_of_batch(batch: &[u8]) -> u32 {
    crc32c::crc32c(&batch[COVERED_FROM..])
}

/// Goes on computing a CRC32C over more bytes; starts from 0.
#[inline]
pub fn crc_append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// Computes the CRC and stores it.
pub fn seal(batch: &mut [u8]) {
    let crc = crc_of_batch(batch);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

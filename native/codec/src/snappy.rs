//! Snappy as clients send it: one raw block (librdkafka), or the xerial stream of the Java client:
//! magic, two int32 versions, then blocks of int32 length and raw snappy.

use std::io;

use crate::CodecError;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER_BYTES: usize = 16;
/// What the Java client puts into one block.
const BLOCK_BYTES: usize = 32 * 1024;

/// Writes the xerial form, which every client reads.
pub(crate) fn compress(bytes: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    into.extend_from_slice(&MAGIC);
    into.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    let mut encoder = snap::raw::Encoder::new();
    for block in bytes.chunks(BLOCK_BYTES) {
        let packed = encoder.compress_vec(block)?;
        into.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        into.extend_from_slice(&packed);
    }
    Ok(())
}

/// Reads either form.
pub(crate) fn decompress(
    bytes: &[u8],
    limit_bytes: usize,
    into: &mut Vec<u8>,
) -> Result<(), CodecError> {
    if !bytes.starts_with(&MAGIC) {
        return block(bytes, limit_bytes, into);
    }
    let start = into.len();
    let mut rest = bytes.get(HEADER_BYTES..).ok_or_else(ends_early)?;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let packed = after.get(..length).ok_or_else(ends_early)?;
        block(packed, limit_bytes - (into.len() - start), into)?;
        rest = &after[length..];
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(ends_early().into())
    }
}

fn ends_early() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

/// The declared length is compared with the limit, and with what so few bytes can hold at all,
/// before memory is taken.
fn block(packed: &[u8], limit_bytes: usize, into: &mut Vec<u8>) -> Result<(), CodecError> {
    let length = snap::raw::decompress_len(packed).map_err(io::Error::from)?;
    if length > limit_bytes {
        return Err(CodecError::TooLarge);
    }
    // A copy element of two bytes gives at most 64.
    if length > packed.len().saturating_mul(32) {
        return Err(CodecError::Corrupt(io::ErrorKind::InvalidData.into()));
    }
    let start = into.len();
    into.resize(start + length, 0);
    snap::raw::Decoder::new()
        .decompress(packed, &mut into[start..])
        .map_err(io::Error::from)?;
    Ok(())
}

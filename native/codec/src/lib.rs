//! The codecs of record batches, by their numbers in the attributes: 0 none, 1 gzip, 2 snappy (raw
//! or in xerial framing), 3 lz4 frame, 4 zstd. Every decompression has a hard output limit; nothing
//! is reserved from a declared size beyond it. No I/O.

mod snappy;

use std::fmt;
use std::io::{self, Read, Write};

/// zstd windows above 8 MiB are refused.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Why bytes could not be compressed or decompressed.
#[derive(Debug)]
pub enum CodecError {
    /// No codec has this number.
    UnknownCodec(u8),
    /// The output would pass the limit.
    TooLarge,
    /// The bytes are not what the codec expects.
    Corrupt(io::Error),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCodec(number) => write!(f, "no codec has the number {number}"),
            Self::TooLarge => write!(f, "the decompressed bytes pass their limit"),
            Self::Corrupt(error) => write!(f, "compressed bytes cannot be read: {error}"),
        }
    }
}

impl std::error::Error for CodecError {}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Corrupt(error)
    }
}

/// Appends the compressed form of `bytes` to `into`.
pub fn compress(codec: u8, bytes: &[u8], into: &mut Vec<u8>) -> Result<(), CodecError> {
    match codec {
        0 => into.extend_from_slice(bytes),
        1 => {
            let mut encoder = flate2::write::GzEncoder::new(into, flate2::Compression::default());
            encoder.write_all(bytes)?;
            encoder.finish()?;
        }
        2 => snappy::compress(bytes, into)?,
        3 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(into);
            encoder.write_all(bytes)?;
            encoder.finish().map_err(io::Error::other)?;
        }
        4 => zstd::stream::copy_encode(bytes, into, zstd::DEFAULT_COMPRESSION_LEVEL)?,
        other => return Err(CodecError::UnknownCodec(other)),
    }
    Ok(())
}

/// Appends the decompressed form of `bytes` to `into`, at most `limit_bytes` of it.
pub fn decompress(
    codec: u8,
    bytes: &[u8],
    limit_bytes: usize,
    into: &mut Vec<u8>,
) -> Result<(), CodecError> {
    match codec {
        0 if bytes.len() > limit_bytes => Err(CodecError::TooLarge),
        0 => {
            into.extend_from_slice(bytes);
            Ok(())
        }
        1 => drain(flate2::read::MultiGzDecoder::new(bytes), limit_bytes, into),
        2 => snappy::decompress(bytes, limit_bytes, into),
        3 => drain(lz4_flex::frame::FrameDecoder::new(bytes), limit_bytes, into),
        4 => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            drain(decoder, limit_bytes, into)
        }
        other => Err(CodecError::UnknownCodec(other)),
    }
}

fn drain(reader: impl Read, limit_bytes: usize, into: &mut Vec<u8>) -> Result<(), CodecError> {
    let count = reader.take(limit_bytes as u64 + 1).read_to_end(into)?;
    if count > limit_bytes {
        Err(CodecError::TooLarge)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn what_is_compressed_comes_back(
            codec in 0u8..5,
            seed in proptest::collection::vec(any::<u8>(), 0..300),
            repeat in 1usize..400,
        ) {
            let bytes = seed.repeat(repeat);
            let mut packed = Vec::new();
            compress(codec, &bytes, &mut packed).unwrap();
            let mut back = Vec::new();
            decompress(codec, &packed, bytes.len(), &mut back).unwrap();
            prop_assert_eq!(&back, &bytes);
            if !bytes.is_empty() {
                let refused = decompress(codec, &packed, bytes.len() - 1, &mut Vec::new());
                prop_assert!(matches!(refused, Err(CodecError::TooLarge)));
            }
        }

        #[test]
        fn noise_is_an_error_or_small(
            codec in 1u8..5,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut back = Vec::new();
            let _ = decompress(codec, &bytes, 1 << 16, &mut back);
            prop_assert!(back.len() <= (1 << 16) + 1);
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for codec in 1..5 {
            let mut packed = Vec::new();
            compress(codec, &vec![0; 64 << 20], &mut packed).unwrap();
            let mut back = Vec::new();
            let refused = decompress(codec, &packed, 1 << 20, &mut back);
            assert!(
                matches!(refused, Err(CodecError::TooLarge)),
                "codec {codec}"
            );
            assert!(
                back.capacity() < 4 << 20,
                "codec {codec}: {}",
                back.capacity()
            );
        }
    }

    #[test]
    fn unknown_codecs_are_refused() {
        assert!(matches!(
            compress(5, b"", &mut Vec::new()),
            Err(CodecError::UnknownCodec(5))
        ));
    }
}

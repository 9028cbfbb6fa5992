//! Codecs of record batches.

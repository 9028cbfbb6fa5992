//! Key → last offset, within a fixed budget of memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A table entry with its share of empty slots.
const BYTES_PER_KEY: u64 = 48;

/// Holds 128 bits of a keyed hash instead of the key: nobody outside can make two keys collide, and
/// by chance it does not happen.
#[derive(Debug)]
pub(crate) struct KeyMap {
    hashers: [RandomState; 2],
    offsets: HashMap<[u64; 2], i64>,
    count_max: usize,
}

impl KeyMap {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            offsets: HashMap::new(),
            count_max: (budget_bytes / BYTES_PER_KEY).max(1) as usize,
        }
    }

    /// Room for so many more keys.
    pub(crate) fn room(&self) -> usize {
        self.count_max - self.offsets.len().min(self.count_max)
    }

    /// Notes a key; later offsets win.
    pub(crate) fn put(&mut self, key: &[u8], offset: i64) {
        self.offsets.insert(self.hash(key), offset);
    }

    /// Last offset noted for the key.
    pub(crate) fn last_offset(&self, key: &[u8]) -> Option<i64> {
        self.offsets.get(&self.hash(key)).copied()
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)]
    }
}

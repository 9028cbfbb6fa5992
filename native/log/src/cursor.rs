//! Remembered batch boundaries, so that a reader who goes on where it stopped needs no index.

use parking_lot::Mutex;

/// A batch boundary: the batch at `position` of the segment is the first that ends at or after
/// `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: i64,
    /// The segment's handle: a rewritten segment has another one, so old marks simply miss.
    pub(crate) segment: i64,
    pub(crate) position: u64,
}

const MARK_COUNT: usize = 32;

/// The latest boundaries.
#[derive(Debug)]
pub(crate) struct Marks(Mutex<Ring>);

#[derive(Debug)]
struct Ring {
    marks: [Mark; MARK_COUNT],
    next: usize,
}

impl Default for Marks {
    fn default() -> Self {
        let nothing = Mark {
            offset: -1,
            segment: i64::MIN,
            position: 0,
        };
        Self(Mutex::new(Ring {
            marks: [nothing; MARK_COUNT],
            next: 0,
        }))
    }
}

impl Marks {
    /// Remembers a boundary in place of the oldest.
    pub(crate) fn remember(&self, mark: Mark) {
        let mut ring = self.0.lock();
        let newest = (ring.next + MARK_COUNT - 1) % MARK_COUNT;
        if ring.marks[newest] == mark {
            return;
        }
        let next = ring.next;
        ring.marks[next] = mark;
        ring.next = (next + 1) % MARK_COUNT;
    }

    /// Position of the boundary at `offset`, when it is remembered.
    pub(crate) fn find(&self, segment: i64, offset: i64) -> Option<u64> {
        let ring = self.0.lock();
        let found = ring
            .marks
            .iter()
            .find(|mark| mark.offset == offset && mark.segment == segment);
        found.map(|mark| mark.position)
    }

    /// Forgets everything (after a truncation).
    pub(crate) fn clear(&self) {
        let nothing = Mark {
            offset: -1,
            segment: i64::MIN,
            position: 0,
        };
        self.0.lock().marks = [nothing; MARK_COUNT];
    }
}

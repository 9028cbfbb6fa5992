//! Anonymous memory whose pages come with first use and that a garbage collector may hold too.

use std::io;
use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// A private anonymous mapping. Unmapped when the last owner lets go.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is plain memory without thread affinity; whoever reads or writes it does so
// through the unsafe `bytes`, whose contract excludes concurrent use.
#[allow(unsafe_code, reason = "a raw pointer is not Send by itself")]
unsafe impl Send for Mapping {}
// SAFETY: as above; `&Mapping` alone gives no access to the bytes.
#[allow(unsafe_code, reason = "a raw pointer is not Sync by itself")]
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves `length` bytes of zeros; no page is touched.
    pub fn new(length: usize) -> io::Result<Self> {
        // SAFETY: a null hint without MAP_FIXED never replaces an existing mapping.
        #[allow(unsafe_code, reason = "mmap")]
        let start = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// First byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Bytes reserved.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Never true: a mapping has at least one page.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes of a range.
    ///
    /// # Panics
    /// When the range does not lie within the mapping.
    ///
    /// # Safety
    /// Nobody else reads or writes the range while the slice lives. JavaScript shares these bytes,
    /// so the slice must be gone before JavaScript runs.
    #[allow(
        unsafe_code,
        clippy::mut_from_ref,
        reason = "interior memory shared with JavaScript"
    )]
    pub unsafe fn bytes(&self, offset: usize, length: usize) -> &mut [u8] {
        assert!(
            offset <= self.length && length <= self.length - offset,
            "range outside of mapping"
        );
        // SAFETY: in bounds (checked above), initialized (the kernel gives zeros), exclusive by
        // the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(offset), length) }
    }

    /// Gives the pages from `offset` (rounded up to a page) back; they read as zeros again.
    pub fn discard_from(&self, offset: usize) {
        const PAGE_BYTES: usize = 4096;
        let offset = offset.next_multiple_of(PAGE_BYTES);
        if offset >= self.length {
            return;
        }
        // SAFETY: the range lies within our own private mapping and nobody holds a slice of it
        // (buffers are discarded only when nothing is delivered from them).
        #[allow(unsafe_code, reason = "madvise")]
        let result = unsafe {
            madvise(
                self.start.as_ptr().add(offset).cast(),
                self.length - offset,
                Advice::LinuxDontNeed,
            )
        };
        debug_assert!(result.is_ok());
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and this is its last owner.
        #[allow(unsafe_code, reason = "munmap")]
        let result = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
        debug_assert!(result.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code, reason = "the only owner in this test")]
    fn discarded_pages_read_as_zeros() {
        let mapping = Mapping::new(3 * 4096).unwrap();
        // SAFETY: the only owner in this test.
        unsafe { mapping.bytes(0, 3 * 4096) }.fill(7);
        mapping.discard_from(5000);
        // SAFETY: the only owner in this test.
        let bytes = unsafe { mapping.bytes(0, 3 * 4096) };
        assert!(bytes[..8192].iter().all(|&byte| byte == 7));
        assert!(bytes[8192..].iter().all(|&byte| byte == 0));
    }
}

//! Memory that frames are read into and JavaScript sees by number.
//!
//! Buffer 0 is the slab of the current tick: what sockets give lands there one after another, and
//! its cursor starts again with the next tick, so that the same warm memory is used over and over.
//! Frames above 64 KiB that are not complete yet get a dedicated buffer of a power-of-two size. Its
//! pages come with the bytes that arrive, whatever length the peer declared.

use std::io;
use std::sync::Arc;

use crate::mapping::Mapping;

/// Bytes of a slab.
pub(crate) const SLAB_BYTES: usize = 4 << 20;
/// The smallest dedicated buffer.
const SMALLEST_CLASS_BYTES: usize = 128 << 10;
/// Touched memory kept for reuse in free dedicated buffers.
const POOLED_BYTES_MAX: usize = 32 << 20;
/// A free buffer keeps at most this much touched memory.
const POOLED_BYTES_PER_BUFFER_MAX: usize = 8 << 20;

#[derive(Debug)]
struct Buffer {
    mapping: Arc<Mapping>,
    class: u8,
    touched: usize,
}

/// All buffers ever made. They are reused, never unmapped, because JavaScript may hold views.
#[derive(Debug)]
pub(crate) struct Buffers {
    all: Vec<Buffer>,
    free_slabs: Vec<u32>,
    free: [Vec<u32>; 32],
    pooled_bytes: usize,
    slab: u32,
    cursor: usize,
    /// Delivered in this tick: dedicated buffers and filled slabs.
    delivered: Vec<u32>,
    /// Delivered earlier and still needed by staged appends.
    held: Vec<u32>,
}

const SLAB_CLASS: u8 = u8::MAX;

impl Buffers {
    pub(crate) fn new() -> io::Result<Self> {
        let mut buffers = Self {
            all: Vec::new(),
            free_slabs: Vec::new(),
            free: std::array::from_fn(|_| Vec::new()),
            pooled_bytes: 0,
            slab: 0,
            cursor: 0,
            delivered: Vec::new(),
            held: Vec::new(),
        };
        buffers.slab = buffers.add(SLAB_BYTES, SLAB_CLASS)?;
        Ok(buffers)
    }

    pub(crate) fn mapping(&self, id: u32) -> Option<&Arc<Mapping>> {
        Some(&self.all.get(id as usize)?.mapping)
    }

    /// The slab of this tick, where its free part starts.
    pub(crate) fn slab(&self) -> (u32, usize) {
        (self.slab, self.cursor)
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.cursor += bytes;
        debug_assert!(self.cursor <= SLAB_BYTES);
    }

    /// Bytes of a buffer, for reading into or for cutting frames.
    pub(crate) fn bytes(&mut self, id: u32, offset: usize, length: usize) -> &mut [u8] {
        // SAFETY: called by the reactor only, which never runs at the same time as JavaScript, and
        // `&mut self` keeps a second slice from being made while this one lives.
        #[allow(unsafe_code, reason = "memory shared with JavaScript")]
        unsafe {
            self.all[id as usize].mapping.bytes(offset, length)
        }
    }

    /// The rest of a dedicated buffer and the start of the slab's free part, for one readv.
    pub(crate) fn pair(
        &mut self,
        (id, offset, length): (u32, usize, usize),
        look_ahead: usize,
    ) -> (&mut [u8], &mut [u8]) {
        assert_ne!(id, self.slab, "a dedicated buffer is no slab");
        // SAFETY: as in `bytes`; the two slices lie in different mappings.
        #[allow(unsafe_code, reason = "memory shared with JavaScript")]
        unsafe {
            (
                self.all[id as usize].mapping.bytes(offset, length),
                self.all[self.slab as usize]
                    .mapping
                    .bytes(self.cursor, look_ahead),
            )
        }
    }

    /// A dedicated buffer for a frame body of `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> io::Result<u32> {
        let size = length.next_power_of_two().max(SMALLEST_CLASS_BYTES);
        let class = (size / SMALLEST_CLASS_BYTES).trailing_zeros() as u8;
        match self.free[class as usize].pop() {
            Some(id) => {
                self.pooled_bytes -= self.all[id as usize].touched;
                Ok(id)
            }
            None => self.add(size, class),
        }
    }

    /// Takes a dedicated buffer back that was never delivered, or whose tick is over.
    pub(crate) fn give_back(&mut self, id: u32, used: usize) {
        let room = POOLED_BYTES_MAX.saturating_sub(self.pooled_bytes);
        let buffer = &mut self.all[id as usize];
        buffer.touched = buffer.touched.max(used);
        let keep = room.min(POOLED_BYTES_PER_BUFFER_MAX) & !0xffff;
        if buffer.touched > keep {
            buffer.mapping.discard_from(keep);
            buffer.touched = keep;
        }
        self.pooled_bytes += buffer.touched;
        self.free[buffer.class as usize].push(id);
    }

    /// A frame in this dedicated buffer was handed out; it comes back when the tick is over.
    pub(crate) fn deliver(&mut self, id: u32, used: usize) {
        let buffer = &mut self.all[id as usize];
        buffer.touched = buffer.touched.max(used);
        self.delivered.push(id);
    }

    /// The tick is over. With `hold`, what it delivered stays untouched until `release`.
    pub(crate) fn end_tick(&mut self, hold: bool) -> io::Result<()> {
        if !hold {
            while let Some(id) = self.delivered.pop() {
                self.recycle(id);
            }
            self.cursor = 0;
            return Ok(());
        }
        self.held.append(&mut self.delivered);
        if self.cursor > 0 {
            self.held.push(self.slab);
            self.slab = match self.free_slabs.pop() {
                Some(id) => id,
                None => self.add(SLAB_BYTES, SLAB_CLASS)?,
            };
            self.cursor = 0;
        }
        Ok(())
    }

    /// Nothing staged needs the held buffers any more.
    pub(crate) fn release(&mut self) {
        while let Some(id) = self.held.pop() {
            self.recycle(id);
        }
    }

    fn recycle(&mut self, id: u32) {
        if self.all[id as usize].class == SLAB_CLASS {
            self.free_slabs.push(id);
        } else {
            self.give_back(id, 0);
        }
    }

    fn add(&mut self, size: usize, class: u8) -> io::Result<u32> {
        let mapping = Arc::new(Mapping::new(size)?);
        self.all.push(Buffer {
            mapping,
            class,
            touched: 0,
        });
        Ok((self.all.len() - 1) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_is_reused_after_its_tick_and_not_while_it_is_held() {
        let mut buffers = Buffers::new().unwrap();
        let first = buffers.take(100_000).unwrap();
        buffers.deliver(first, 100_000);
        buffers.end_tick(true).unwrap();
        let second = buffers.take(100_000).unwrap();
        assert_ne!(first, second);
        buffers.release();
        assert_eq!(buffers.take(70_000).unwrap(), first);
    }

    #[test]
    fn pooled_memory_is_bounded() {
        let mut buffers = Buffers::new().unwrap();
        let ids: Vec<u32> = (0..10).map(|_| buffers.take(50 << 20).unwrap()).collect();
        for &id in &ids {
            buffers.bytes(id, 0, 10 << 20).fill(1);
            buffers.give_back(id, 10 << 20);
        }
        assert!(buffers.pooled_bytes <= POOLED_BYTES_MAX);
        let id = buffers.take(50 << 20).unwrap();
        assert_eq!(
            buffers.bytes(id, 9 << 20, 1)[0],
            0,
            "given back to the kernel"
        );
    }

    #[test]
    fn a_held_slab_is_replaced() {
        let mut buffers = Buffers::new().unwrap();
        let (slab, _) = buffers.slab();
        buffers.advance(10);
        buffers.end_tick(true).unwrap();
        assert_ne!(buffers.slab().0, slab);
        assert_eq!(buffers.slab().1, 0);
    }
}

//! Connections by number. A number is reused only after 2^14 others had the same slot.

use std::collections::VecDeque;

use crate::connection::Connection;

/// Slots fit 17 bits, generations 14: an id is a small integer in JavaScript.
const SLOT_BITS: u32 = 17;
const GENERATION_MASK: u32 = (1 << 14) - 1;

/// Most connections a reactor can hold.
pub(crate) const SLOT_COUNT_MAX: usize = 1 << SLOT_BITS;

/// Open connections. An id is `generation << 17 | slot`.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    entries: Vec<Entry>,
    free: VecDeque<u32>,
    count: usize,
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    connection: Option<Box<Connection>>,
}

impl Slots {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Slots ever used; `at` takes indexes below it.
    pub(crate) fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Takes the slot that has been free the longest.
    pub(crate) fn insert(&mut self, make: impl FnOnce(u32) -> Box<Connection>) -> u32 {
        let slot = match self.free.pop_front() {
            Some(slot) => slot,
            None => {
                self.entries.push(Entry {
                    generation: 0,
                    connection: None,
                });
                (self.entries.len() - 1) as u32
            }
        };
        let entry = &mut self.entries[slot as usize];
        entry.generation = (entry.generation + 1) & GENERATION_MASK;
        let id = entry.generation << SLOT_BITS | slot;
        entry.connection = Some(make(id));
        self.count += 1;
        id
    }

    pub(crate) fn get(&mut self, id: u32) -> Option<&mut Connection> {
        let entry = self.entries.get_mut(id as usize & (SLOT_COUNT_MAX - 1))?;
        match &mut entry.connection {
            Some(connection) if connection.id == id => Some(connection),
            _ => None,
        }
    }

    pub(crate) fn at(&mut self, slot: usize) -> Option<&mut Connection> {
        self.entries[slot].connection.as_deref_mut()
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Box<Connection>> {
        self.get(id)?;
        let slot = id as usize & (SLOT_COUNT_MAX - 1);
        self.free.push_back(slot as u32);
        self.count -= 1;
        self.entries[slot].connection.take()
    }
}

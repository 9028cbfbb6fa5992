//! A gateway's frames as a client sees them: size-prefixed FlatBuffers, read by slot. The server under test is
//! trusted to send sound ones: a wrong one ends the run by its index.

pub const WELCOME: u8 = 2;
pub const SUBSCRIBED: u8 = 7;
pub const STREAM_STATES: u8 = 8;
pub const RECORDS: u8 = 9;
pub const PROGRESS: u8 = 10;
pub const CAUGHT_UP: u8 = 11;
pub const GAP: u8 = 12;
pub const UNSUBSCRIBED: u8 = 17;
pub const PING: u8 = 24;
pub const GOAWAY: u8 = 26;
pub const ERROR: u8 = 27;
/// Outcome of a stream.
pub const EXACT: u8 = 0;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
pub fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from(u32_at(bytes, at)) | (i64::from(u32_at(bytes, at + 4)) << 32)
}

/// One table; slots count from 0 in the order of the schema.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    vtable: usize,
}

impl<'a> Table<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        let vtable = (at as i64 - i64::from(u32_at(bytes, at) as i32)) as usize;
        Self { bytes, at, vtable }
    }

    fn field(&self, slot: usize) -> Option<usize> {
        let entry = 4 + 2 * slot;
        if entry >= usize::from(u16_at(self.bytes, self.vtable)) {
            return None;
        }
        match u16_at(self.bytes, self.vtable + entry) {
            0 => None,
            offset => Some(self.at + usize::from(offset)),
        }
    }
    pub fn u8(&self, slot: usize) -> u8 {
        self.field(slot).map_or(0, |at| self.bytes[at])
    }
    pub fn u16(&self, slot: usize, default: u16) -> u16 {
        self.field(slot)
            .map_or(default, |at| u16_at(self.bytes, at))
    }
    pub fn u32(&self, slot: usize) -> u32 {
        self.field(slot).map_or(0, |at| u32_at(self.bytes, at))
    }
    pub fn i64(&self, slot: usize, default: i64) -> i64 {
        self.field(slot)
            .map_or(default, |at| i64_at(self.bytes, at))
    }
    /// Where what the offset in `slot` names lies.
    fn target(&self, slot: usize) -> Option<usize> {
        self.field(slot)
            .map(|at| at + u32_at(self.bytes, at) as usize)
    }
    pub fn table(&self, slot: usize) -> Option<Table<'a>> {
        self.target(slot).map(|at| Table::new(self.bytes, at))
    }
    /// The first table of a vector of tables.
    pub fn first_table(&self, slot: usize) -> Option<Table<'a>> {
        let at = self.target(slot)?;
        if u32_at(self.bytes, at) == 0 {
            return None;
        }
        Some(Table::new(
            self.bytes,
            at + 4 + u32_at(self.bytes, at + 4) as usize,
        ))
    }
    /// The i64 that the first struct of a vector begins with.
    pub fn first_struct_i64(&self, slot: usize) -> Option<i64> {
        let at = self.target(slot)?;
        (u32_at(self.bytes, at) > 0).then(|| i64_at(self.bytes, at + 4))
    }
}

/// Calls `visit` with tag and body of every frame of a message.
pub fn for_each(message: &[u8], mut visit: impl FnMut(u8, Table<'_>)) {
    let mut at = 0;
    while at + 8 <= message.len() {
        let end = at + 4 + u32_at(message, at) as usize;
        let frame = &message[at..end];
        let root = Table::new(frame, 4 + u32_at(frame, 4) as usize);
        if let Some(body) = root.table(1) {
            visit(root.u8(0), body);
        }
        at = end;
    }
}

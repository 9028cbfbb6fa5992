//! Produce v8, Fetch v11, CreateTopics v2 and DeleteTopics v1, as prebuilt frames.
//! Layouts: Kafka protocol guide, non-flexible versions.

/// A big-endian byte builder.
#[derive(Default)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// A request frame with its header; the length is filled in by `seal`.
    pub fn request(key: i16, version: i16, correlation: i32) -> Self {
        let mut frame = Self::default();
        frame
            .i32(0)
            .i16(key)
            .i16(version)
            .i32(correlation)
            .string("bench");
        frame
    }
    pub fn i8(&mut self, v: i8) -> &mut Self {
        self.0.push(v as u8);
        self
    }
    pub fn i16(&mut self, v: i16) -> &mut Self {
        self.0.extend_from_slice(&v.to_be_bytes());
        self
    }
    pub fn i32(&mut self, v: i32) -> &mut Self {
        self.0.extend_from_slice(&v.to_be_bytes());
        self
    }
    pub fn i64(&mut self, v: i64) -> &mut Self {
        self.0.extend_from_slice(&v.to_be_bytes());
        self
    }
    pub fn string(&mut self, v: &str) -> &mut Self {
        self.i16(v.len() as i16);
        self.0.extend_from_slice(v.as_bytes());
        self
    }
    pub fn varint(&mut self, v: i64) -> &mut Self {
        let mut rest = ((v << 1) ^ (v >> 63)) as u64;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }
    pub fn seal(&mut self) -> Vec<u8> {
        let length = self.0.len() as u32 - 4;
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        std::mem::take(&mut self.0)
    }
}

/// A record batch (magic 2, no compression) of `count` records with values of `value_bytes` bytes.
pub fn batch(count: usize, value_bytes: usize, timestamp_ms: i64) -> Vec<u8> {
    let mut noise = 12345u32;
    let value: Vec<u8> = (0..value_bytes)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + ((noise >> 24) % 26) as u8
        })
        .collect();
    batch_of(count, None, &value, timestamp_ms)
}

/// A record batch of `count` records with this key (`None` = null) and this value.
pub fn batch_of(count: usize, key: Option<&[u8]>, value: &[u8], timestamp_ms: i64) -> Vec<u8> {
    let mut records = Frame::default();
    for index in 0..count {
        let mut record = Frame::default();
        record.i8(0).varint(0).varint(index as i64);
        record.varint(key.map_or(-1, |key| key.len() as i64));
        record.0.extend_from_slice(key.unwrap_or_default());
        record.varint(value.len() as i64);
        record.0.extend_from_slice(value);
        record.varint(0);
        records.varint(record.0.len() as i64);
        records.0.extend_from_slice(&record.0);
    }
    let mut body = Frame::default();
    body.i16(0)
        .i32(count as i32 - 1)
        .i64(timestamp_ms)
        .i64(timestamp_ms);
    body.i64(-1).i16(-1).i32(-1).i32(count as i32);
    body.0.extend_from_slice(&records.0);
    let mut whole = Frame::default();
    whole
        .i64(0)
        .i32((4 + 1 + 4 + body.0.len()) as i32)
        .i32(-1)
        .i8(2);
    whole.i32(crc32c::crc32c(&body.0) as i32);
    whole.0.extend_from_slice(&body.0);
    whole.0
}

/// Replaces the CRC of the batch at `at` after its bytes were changed.
pub fn reseal_batch(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Produce v8 with one batch for one partition.
pub fn produce(topic: &str, partition: i32, acks: i16, batch: &[u8]) -> Vec<u8> {
    let mut frame = Frame::request(0, 8, 1);
    frame
        .i16(-1)
        .i16(acks)
        .i32(30_000)
        .i32(1)
        .string(topic)
        .i32(1)
        .i32(partition);
    frame.i32(batch.len() as i32);
    frame.0.extend_from_slice(batch);
    frame.seal()
}

/// Fetch v11 (no session) of one partition.
pub fn fetch(topic: &str, partition: i32, offset: i64, max_bytes: i32, wait_ms: i32) -> Vec<u8> {
    let mut frame = Frame::request(1, 11, 1);
    frame
        .i32(-1)
        .i32(wait_ms)
        .i32(1)
        .i32(50 << 20)
        .i8(0)
        .i32(0)
        .i32(-1);
    frame
        .i32(1)
        .string(topic)
        .i32(1)
        .i32(partition)
        .i32(-1)
        .i64(offset)
        .i64(-1)
        .i32(max_bytes);
    frame.i32(0).string("");
    frame.seal()
}

/// CreateTopics v2, one topic with configs.
pub fn create_topic(topic: &str, partitions: i32, configs: &[(String, String)]) -> Vec<u8> {
    let mut frame = Frame::request(19, 2, 1);
    frame
        .i32(1)
        .string(topic)
        .i32(partitions)
        .i16(1)
        .i32(0)
        .i32(configs.len() as i32);
    for (name, value) in configs {
        frame.string(name).string(value);
    }
    frame.i32(30_000).i8(0);
    frame.seal()
}

/// DeleteTopics v1.
pub fn delete_topic(topic: &str) -> Vec<u8> {
    let mut frame = Frame::request(20, 1, 1);
    frame.i32(1).string(topic).i32(30_000);
    frame.seal()
}

/// Big-endian reads; callers keep within the slice.
pub fn read_i16(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}
pub fn read_i32(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
pub fn read_i64(bytes: &[u8], at: usize) -> i64 {
    (i64::from(read_i32(bytes, at)) << 32) | i64::from(read_i32(bytes, at + 4) as u32)
}

/// What a Produce v8 answer (one topic, one partition; body without the length) says:
/// error code and base offset.
pub fn produce_answer(body: &[u8]) -> (i16, i64) {
    let at = 4 + 4 + 2 + read_i16(body, 8) as usize + 4 + 4;
    (read_i16(body, at), read_i64(body, at + 2))
}

/// Fields of a Fetch v11 answer (one topic, one partition; body without the length).
pub struct FetchAnswer {
    pub error: i16,
    pub high_watermark: i64,
    pub records_at: usize,
    pub records_bytes: usize,
}

/// Parses a Fetch v11 answer; `None` for a top-level error or when it names no partition.
pub fn fetch_answer(body: &[u8]) -> Option<FetchAnswer> {
    if read_i16(body, 8) != 0 || read_i32(body, 14) != 1 {
        return None;
    }
    let at = 18 + 2 + read_i16(body, 18) as usize + 4 + 4;
    let error = read_i16(body, at);
    let high_watermark = read_i64(body, at + 2);
    let aborted = read_i32(body, at + 26).max(0) as usize;
    let records_at = at + 30 + aborted * 16 + 4 + 4;
    let records_bytes = read_i32(body, records_at - 4).max(0) as usize;
    Some(FetchAnswer {
        error,
        high_watermark,
        records_at,
        records_bytes,
    })
}

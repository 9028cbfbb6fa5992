//! NATS as a subscriber reads it: `MSG subject sid length`, then that many bytes and a line end. Messages may lie
//! across WebSocket frames in any way.

/// Where a subscriber is in its stream.
#[derive(Default)]
pub struct Reader {
    line: Vec<u8>,
    payload_left: usize,
    payload: Vec<u8>,
}

/// What a piece of the stream held.
pub enum Event<'a> {
    Message(&'a [u8]),
    Pong,
    Ping,
    Error(String),
}

impl Reader {
    pub fn read(&mut self, mut bytes: &[u8], mut visit: impl FnMut(Event<'_>)) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let taken = self.payload_left.min(bytes.len());
                let (now, rest) = bytes.split_at(taken);
                self.payload_left -= taken;
                bytes = rest;
                if self.payload_left == 0 && self.payload.is_empty() {
                    visit(Event::Message(now));
                    continue;
                }
                self.payload.extend_from_slice(now);
                if self.payload_left == 0 {
                    visit(Event::Message(&self.payload));
                    self.payload.clear();
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return;
            };
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            self.take_line(&line, &mut visit);
        }
    }

    /// The payload's own line end is counted to the payload.
    fn take_line(&mut self, line: &[u8], visit: &mut impl FnMut(Event<'_>)) {
        if line.starts_with(b"MSG ") {
            let digits = line
                .trim_ascii_end()
                .rsplit(|&byte| byte == b' ')
                .next()
                .unwrap_or_default();
            let length = std::str::from_utf8(digits)
                .ok()
                .and_then(|text| text.parse::<usize>().ok());
            self.payload_left = length.map_or(0, |length| length + 2);
        } else if line.starts_with(b"PONG") {
            visit(Event::Pong);
        } else if line.starts_with(b"PING") {
            visit(Event::Ping);
        } else if line.starts_with(b"-ERR") {
            visit(Event::Error(
                String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
            ));
        }
    }
}

//! RFC 6455 as far as a benchmark needs it: no fragments, no extensions.

/// The RFC's own sample key and its answer: whoever serves only this client need not know SHA-1.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A frame's header: opcode, where the payload begins and ends.
#[derive(Clone, Copy)]
pub struct Head {
    pub opcode: u8,
    pub start: usize,
    pub end: usize,
}

/// The head of the unmasked frame at the beginning of `bytes`, once it is whole.
pub fn head(bytes: &[u8]) -> Option<Head> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (start, length) = match second & 0x7f {
        126 => {
            let wide = bytes.get(2..4)?;
            (4, usize::from(u16::from_be_bytes([wide[0], wide[1]])))
        }
        127 => {
            let wide: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (10, usize::try_from(u64::from_be_bytes(wide)).ok()?)
        }
        short => (2, usize::from(short)),
    };
    Some(Head {
        opcode: first & 0x0f,
        start,
        end: start.checked_add(length)?,
    })
}

/// A client's message: masked with the key 0, which leaves the bytes as they are.
pub fn client_message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | opcode];
    push_length(&mut out, payload.len(), 0x80);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    out
}

/// A server's message.
pub fn server_message(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | BINARY];
    push_length(&mut out, payload.len(), 0);
    out.extend_from_slice(payload);
    out
}

fn push_length(out: &mut Vec<u8>, length: usize, mask: u8) {
    if length < 126 {
        out.push(mask | length as u8);
    } else if length <= 0xffff {
        out.push(mask | 126);
        out.extend_from_slice(&(length as u16).to_be_bytes());
    } else {
        out.push(mask | 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

/// Where the HTTP head at the beginning of `bytes` ends (after its empty line), once it is whole.
pub fn http_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The status of an HTTP answer; 0 when it is none.
pub fn http_status(head: &[u8]) -> u16 {
    std::str::from_utf8(head.get(9..12).unwrap_or_default())
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

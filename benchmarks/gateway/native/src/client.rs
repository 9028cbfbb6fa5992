//! One WebSocket client: from the handshake to what it makes of each message.

use crate::frames::{self, Table};
use crate::meter::Meter;
use crate::nats;
use crate::settings::{Answers, Protocol, Variant};
use crate::websocket::{self, Head, client_message};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not connected.
    Away,
    /// Connecting, or waiting for the answer to the HTTP request.
    Opening,
    /// Connected; Welcome, Subscribed or PONG is still to come.
    Greeting,
    Live,
}

pub struct Client {
    pub group: usize,
    pub variant: usize,
    pub state: State,
    pub stream: Option<TcpStream>,
    /// Next offset to read; −1 = not known.
    pub position: i64,
    /// CaughtUp came on this connection.
    pub caught_up: bool,
    request_sent: bool,
    partial: Vec<u8>,
    unpaid_bytes: u32,
    nats: nats::Reader,
}

/// What a client needs to know of the run.
pub struct Context<'a> {
    pub protocol: Protocol,
    pub variant: &'a Variant,
    pub answers: Option<&'a Answers>,
    /// Records that a NATS message stands for.
    pub records_per_message: u64,
    /// Its deliveries count.
    pub counts: bool,
}

/// Why a connection is over: the name of its outcome.
pub type Ended = String;

impl Client {
    pub fn new(group: usize, variant: usize) -> Self {
        Self {
            group,
            variant,
            state: State::Away,
            stream: None,
            position: -1,
            caught_up: false,
            request_sent: false,
            partial: Vec::new(),
            unpaid_bytes: 0,
            nats: nats::Reader::default(),
        }
    }

    /// Starts anew on this stream, which may still be connecting. The position stays.
    pub fn open(&mut self, stream: TcpStream) {
        self.stream = Some(stream);
        self.state = State::Opening;
        self.caught_up = false;
        self.request_sent = false;
        self.partial = Vec::new();
        self.unpaid_bytes = 0;
        self.nats = nats::Reader::default();
    }

    pub fn lose(&mut self) -> Option<TcpStream> {
        self.state = State::Away;
        self.stream.take()
    }

    /// The connection stands: says the HTTP request, once.
    pub fn writable(&mut self, context: &Context<'_>) -> Result<bool, Ended> {
        if self.request_sent {
            return Ok(false);
        }
        self.request_sent = true;
        self.write(context.variant.request.as_bytes())?;
        Ok(true)
    }

    /// What a client says is small and fits the socket's buffer: a short write ends the connection.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let stream = self.stream.as_mut().ok_or("no stream")?;
        match stream.write(bytes) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) => Err("short write".into()),
            Err(error) => Err(ended(&error)),
        }
    }

    fn say(&mut self, payload: &[u8]) -> Result<(), Ended> {
        self.write(&client_message(websocket::BINARY, payload))
    }

    /// Reads once, at most `buffer`.
    pub fn readable(
        &mut self,
        buffer: &mut [u8],
        context: &Context<'_>,
        meter: &mut Meter,
    ) -> Result<(), Ended> {
        let stream = self.stream.as_mut().ok_or("no stream")?;
        let count = match stream.read(buffer) {
            Ok(0) => return Err("end".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(ended(&error)),
        };
        if self.partial.is_empty() {
            let taken = self.take(&buffer[..count], context, meter)?;
            self.partial.extend_from_slice(&buffer[taken..count]);
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(&buffer[..count]);
        let taken = self.take(&whole, context, meter)?;
        whole.drain(..taken);
        if !whole.is_empty() {
            self.partial = whole;
        }
        Ok(())
    }

    /// Takes whole messages off the front of `bytes`; how many bytes they were.
    fn take(
        &mut self,
        bytes: &[u8],
        context: &Context<'_>,
        meter: &mut Meter,
    ) -> Result<usize, Ended> {
        let mut at = 0;
        if self.state == State::Opening {
            let Some(end) = websocket::http_end(bytes) else {
                return Ok(0);
            };
            let status = websocket::http_status(&bytes[..end]);
            if status != 101 {
                return Err(format!("http {status}"));
            }
            at = end;
            self.upgraded(context)?;
        }
        while let Some(Head { opcode, start, end }) = websocket::head(&bytes[at..]) {
            let Some(payload) = bytes.get(at + start..at + end) else {
                break;
            };
            match opcode {
                websocket::CLOSE => {
                    let code = payload
                        .get(..2)
                        .map_or(1005, |two| u16::from_be_bytes([two[0], two[1]]));
                    return Err(format!("close {code}"));
                }
                websocket::PING => self.write(&client_message(websocket::PONG, payload))?,
                _ => self.message(payload, end, context, meter)?,
            }
            at += end;
        }
        Ok(at)
    }

    fn upgraded(&mut self, context: &Context<'_>) -> Result<(), Ended> {
        self.state = if context.protocol == Protocol::Frames {
            State::Live
        } else {
            State::Greeting
        };
        if context.variant.hello.0.is_empty() {
            return Ok(());
        }
        self.say(&context.variant.hello.0)
    }

    fn message(
        &mut self,
        payload: &[u8],
        wire_bytes: usize,
        context: &Context<'_>,
        meter: &mut Meter,
    ) -> Result<(), Ended> {
        if context.protocol == Protocol::Nats {
            return self.nats_message(payload, wire_bytes, context, meter);
        }
        let mut records = 0;
        let mut answer = Ok(());
        frames::for_each(payload, |tag, body| {
            if tag == frames::RECORDS {
                records += u64::from(body.u32(1));
            }
            if context.protocol == Protocol::Gateway && answer.is_ok() {
                answer = self.frame(tag, body, context, meter);
            }
        });
        if context.counts && records > 0 {
            meter.message(records, wire_bytes, payload);
        }
        answer?;
        self.pay(context)
    }

    fn nats_message(
        &mut self,
        payload: &[u8],
        wire_bytes: usize,
        context: &Context<'_>,
        meter: &mut Meter,
    ) -> Result<(), Ended> {
        let mut reader = std::mem::take(&mut self.nats);
        let mut answer = Ok(());
        let mut wire = wire_bytes;
        reader.read(payload, |event| match event {
            nats::Event::Message(message) => {
                // The whole WebSocket frame is counted to its first message.
                if context.counts {
                    meter.message(
                        context.records_per_message,
                        std::mem::take(&mut wire),
                        message,
                    );
                }
            }
            nats::Event::Pong => self.state = State::Live,
            nats::Event::Ping => answer = self.say(b"PONG\r\n"),
            nats::Event::Error(text) => answer = Err(text),
        });
        self.nats = reader;
        answer
    }

    fn frame(
        &mut self,
        tag: u8,
        body: Table<'_>,
        context: &Context<'_>,
        meter: &mut Meter,
    ) -> Result<(), Ended> {
        match tag {
            frames::RECORDS => {
                self.covers(body.i64(2, 0), meter);
                if body.u16(8, 0) + 1 == body.u16(9, 1) {
                    self.position = body.i64(3, 0);
                }
                self.unpaid_bytes += if body.u16(8, 0) == 0 { body.u32(11) } else { 0 };
            }
            frames::PROGRESS => self.position = body.first_struct_i64(0).unwrap_or(self.position),
            frames::CAUGHT_UP => self.caught_up = true,
            frames::GAP => {
                meter.announced_gap();
                self.covers(body.i64(1, 0), meter);
                self.position = body.i64(2, 0);
            }
            frames::WELCOME => {
                let message = self.subscription(context.variant);
                if !message.is_empty() {
                    self.say(&message)?;
                }
            }
            frames::SUBSCRIBED => {
                self.state = State::Live;
                self.started(body.first_table(6), meter);
            }
            frames::STREAM_STATES => self.started(body.first_table(2), meter),
            frames::PING => {
                let pong = context.answers.map(|answers| {
                    let mut bytes = answers.pong.0.clone();
                    bytes[answers.nonce_at..answers.nonce_at + 4]
                        .copy_from_slice(&body.u32(0).to_le_bytes());
                    bytes[answers.sent_at..answers.sent_at + 8]
                        .copy_from_slice(&body.i64(1, 0).to_le_bytes());
                    bytes
                });
                self.say(&pong.unwrap_or_default())?;
            }
            frames::UNSUBSCRIBED => meter.outcome(format!("unsubscribed {}", body.u16(2, 0))),
            frames::GOAWAY => meter.outcome(format!("goaway {}", body.u16(0, 0))),
            frames::ERROR => meter.outcome(format!("error {}", body.u16(2, 0))),
            _ => {}
        }
        Ok(())
    }

    /// An exact start is where this client stopped before, if it has a position; a Gap frame explains any other.
    fn started(&mut self, stream: Option<Table<'_>>, meter: &mut Meter) {
        let Some(stream) = stream.filter(|stream| stream.u8(2) == frames::EXACT) else {
            return;
        };
        let start = stream.i64(5, -1);
        self.covers(start, meter);
        self.position = start;
    }

    fn covers(&self, from: i64, meter: &mut Meter) {
        if self.position >= 0 && self.position != from {
            meter.silent_gap();
        }
    }

    fn subscription(&self, variant: &Variant) -> Vec<u8> {
        let Some(resume) = variant.resume.as_ref().filter(|_| self.position >= 0) else {
            return variant.subscribe.0.clone();
        };
        let mut bytes = resume.bytes.0.clone();
        bytes[resume.offset_at..resume.offset_at + 8].copy_from_slice(&self.position.to_le_bytes());
        let crc_at = resume.token_at + resume.token_bytes - 4;
        let crc = crc32c::crc32c(&bytes[resume.token_at..crc_at]);
        bytes[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Gives the credit of what was read back, now and then.
    fn pay(&mut self, context: &Context<'_>) -> Result<(), Ended> {
        let Some(answers) = context
            .answers
            .filter(|answers| self.unpaid_bytes >= answers.credit_every)
        else {
            return Ok(());
        };
        let mut bytes = answers.credit.0.clone();
        for &at in &answers.credit_at {
            bytes[at..at + 4].copy_from_slice(&self.unpaid_bytes.to_le_bytes());
        }
        self.unpaid_bytes = 0;
        self.say(&bytes)
    }
}

fn ended(error: &io::Error) -> Ended {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused".into(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset".into(),
        ErrorKind::WouldBlock => "blocked".into(),
        kind => kind.to_string(),
    }
}

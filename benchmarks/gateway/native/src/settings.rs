//! What a run is told: one JSON object on standard input. Bytes are hexadecimal text.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// `ip:port` of the server under test.
    pub address: String,
    pub protocol: Protocol,
    /// The server under test, whose CPU time and memory are read; 0 = none.
    pub pid: u32,
    /// Where the feeds' records go.
    pub sink: Option<Sink>,
    pub groups: Vec<Group>,
    pub phases: Vec<Phase>,
    /// Ready-made answers of a gateway's client.
    pub answers: Option<Answers>,
}

/// What the server speaks inside the WebSocket.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// Frames of docs: Hello, Welcome, Subscribe, Subscribed, Records.
    Gateway,
    /// A gateway's frames pushed without any protocol (the bare and the plain server).
    Frames,
    Nats,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sink {
    pub kind: SinkKind,
    /// `ip:port`.
    pub address: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum SinkKind {
    /// Produce requests to a broker.
    Kafka,
    /// Length, group and frame to the bare or the plain server.
    Frames,
    Nats,
}

/// Clients that behave alike.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    pub count: usize,
    /// Client i of the group takes variant i modulo their number.
    pub variants: Vec<Variant>,
    pub mode: Mode,
    /// Connects when this phase begins.
    #[serde(default)]
    pub from_phase: usize,
    /// Comes back and resumes after the connection was lost.
    #[serde(default)]
    pub reconnect: bool,
    /// `slow`: bytes read per second; `churn`: connections opened per second over the whole group.
    #[serde(default)]
    pub rate: f64,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    Read,
    /// Reads, and nothing of it is counted.
    Drain,
    /// Never reads again once it is subscribed.
    Stop,
    /// Reads `rate` bytes a second.
    Slow,
    /// Opens, says its lines, notes how it ended, and opens again.
    Churn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variant {
    /// The whole HTTP request up to and with its empty line.
    pub request: String,
    /// Sent after 101, as one binary message; empty = nothing.
    #[serde(default)]
    pub hello: Hex,
    /// Sent after Welcome (gateway only).
    #[serde(default)]
    pub subscribe: Hex,
    /// Sent in place of `subscribe` by a client that has a position.
    pub resume: Option<ResumeTemplate>,
    /// How a churning connection must end: `http 403`, `close 4501`, …
    #[serde(default)]
    pub expect: String,
}

/// A Subscribe frame with a resume token in it: the position is written into the token, then its CRC-32C.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResumeTemplate {
    pub bytes: Hex,
    /// Where the token begins.
    pub token_at: usize,
    pub token_bytes: usize,
    /// Where the i64 next offset of its one entry stands.
    pub offset_at: usize,
}

/// Ready-made client messages with the places of what changes in them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answers {
    /// Credit for the subscription and for the connection, joined.
    pub credit: Hex,
    /// u32 places of the amounts.
    pub credit_at: Vec<usize>,
    /// Credit is given back when this many bytes were read.
    pub credit_every: u32,
    pub pong: Hex,
    /// u32 place of the nonce.
    pub nonce_at: usize,
    /// i64 place of the ping's sending time.
    pub sent_at: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Phase {
    pub name: String,
    /// Feeds run, nothing is counted.
    #[serde(default)]
    pub warmup_seconds: f64,
    pub seconds: f64,
    #[serde(default)]
    pub feeds: Vec<Feed>,
    /// Latency of one in so many messages is taken; 0 = none.
    #[serde(default)]
    pub sample_every: u32,
    /// Between two looks at the sockets the generator sleeps this long, so that no write of the server pays for waking
    /// it: what a busy fan-out costs a server whose clients are on other machines. 0 = it waits for each message.
    #[serde(default)]
    pub nap_micros: u64,
    /// The phase ends when every client that lost its connection has caught up again.
    #[serde(default)]
    pub until_back: bool,
}

/// Records that are produced during a phase.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Feed {
    /// Topic or subject.
    pub topic: String,
    /// Records in a batch, which is one frame for the raw servers and one message for NATS.
    pub records: usize,
    pub value_bytes: usize,
    /// Batches a second; 0 = lockstep: the next one when every reader has the last.
    pub rate: f64,
    /// Keys `k00000` … in turn, one record each; 0 = no key and everybody gets it.
    #[serde(default)]
    pub keys: usize,
    /// Ready-made frame for the raw servers, with room for the stamp in it.
    #[serde(default)]
    pub frame: Hex,
}

/// Bytes that JSON carries as hexadecimal text.
#[derive(Clone, Default)]
pub struct Hex(pub Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = (0..text.len())
            .step_by(2)
            .map(|at| {
                text.get(at..at + 2)
                    .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            })
            .collect::<Option<Vec<u8>>>();
        bytes
            .map(Hex)
            .ok_or_else(|| serde::de::Error::custom("not hexadecimal"))
    }
}

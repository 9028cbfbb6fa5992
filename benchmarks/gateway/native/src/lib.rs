//! Shared by the bare server and the load generator: WebSocket, a gateway's frames, and the generator's parts.

pub mod churn;
pub mod client;
pub mod comeback;
pub mod connect;
pub mod feed;
pub mod frames;
pub mod load;
pub mod machine;
pub mod meter;
pub mod nats;
pub mod settings;
pub mod stamp;
pub mod websocket;

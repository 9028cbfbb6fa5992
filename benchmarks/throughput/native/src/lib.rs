//! Shared by the limit program and the load generator: epoll, the few Kafka frames they speak, and
//! the load generator's modes.

pub mod end_to_end;
pub mod epoll;
pub mod fetch;
pub mod flush;
pub mod frames;
pub mod produce;
pub mod report;
pub mod socket;

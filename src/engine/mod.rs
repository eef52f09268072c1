//! The engine: everything the library does, in safe Rust, knowing nothing of C.

mod baton;
pub mod callbacks;
pub mod client;
pub mod client_options;
pub mod connection;
mod drive;
pub mod error;
pub mod event;
pub mod json;
mod launch;
pub mod limits;
pub mod log;
mod method;
pub mod params;
mod policy;
pub mod queue;
mod reason;
pub mod request;
pub mod result;
pub mod rpc;
pub mod session;
pub mod spares;
pub mod text;
pub mod thread;
pub mod transport;
pub mod turn;

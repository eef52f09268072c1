//! What the library promises of runtimes behind sockets.

#[path = "../support/mod.rs"]
mod support;

mod connecting;
mod frames;
mod hostile;
mod losses;
mod reconnecting;
mod recordings;
mod secrets;
#[cfg(feature = "tls")]
mod tls;
mod transports;

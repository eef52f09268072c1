//! libcodex: the Codex agent as a C library.
//!
//! The C interface is in [`ffi`]; underneath, [`engine`] drives the real runtime, `codex app-server`, and [`sys`] holds what
//! only the operating system can do. Programs in C include `codex.h`; this crate is also usable from Rust.

pub mod engine;
#[allow(unsafe_code)]
pub mod ffi;
pub mod sys;

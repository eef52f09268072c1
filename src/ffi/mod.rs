//! The C boundary: the `extern "C"` functions in the order of the header, and all pointer work.
//!
//! The functions are thin: they check arguments and call the engine. Their doc comments are the documentation of the C
//! library; cbindgen copies them into `include/codex.h`, in the order of the modules below. Four files hold what they share:
//! [`handle`] the pointers to opaque types, [`string`](mod@string) text that comes in and goes out, [`closure`] callbacks with
//! their user data, [`panic`] the boundary that no panic crosses.

#![allow(non_camel_case_types)]

pub(crate) mod closure;
pub(crate) mod handle;
pub(crate) mod panic;
pub(crate) mod string;
pub(crate) mod time;

pub mod version;

pub mod status;

pub mod error;

pub mod value;

pub mod params;

pub mod client_options;

pub mod client;

pub mod thread;

pub mod turn;

pub mod event;

pub mod result;

pub mod request;

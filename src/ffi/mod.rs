//! The C boundary: the `extern "C"` functions in the order of the header, and all work with C's pointers.
//!
//! The functions are thin: they check arguments and call the engine. Their doc comments are the documentation of the C
//! library; cbindgen copies them into `include/codex.h`, in the order of the modules below. Five files hold what they share:
//! [`handle`] the pointers to opaque types, [`string`](mod@string) text that comes in and goes out, [`closure`] callbacks with
//! their user data, [`time`] milliseconds, [`panic`] the boundary that no panic crosses.

#![allow(non_camel_case_types)]
// What the caller must keep to is in the header, above all functions and beside each parameter.
#![allow(clippy::missing_safety_doc)]

pub(crate) mod closure;
pub(crate) mod handle;
pub(crate) mod panic;
pub(crate) mod string;
pub(crate) mod time;

/// Which version this is.
pub mod version;

/// What calls return.
pub mod status;

/// What went wrong.
pub mod error;

/// Reading JSON.
pub mod value;

/// Writing JSON.
pub mod params;

/// How a client is made.
pub mod client_options;

/// Clients.
pub mod client;

/// Functions of the program that the agent can call.
pub mod tool;

/// The login and the models of the runtime.
pub mod account;

/// Logins that a person completes.
pub mod login;

/// Threads.
pub mod thread;

/// Turns, and running them.
pub mod turn;

/// Events.
pub mod event;

/// The TurnResult.
pub mod result;

/// Requests of the runtime.
pub mod request;

//! What the library promises when the runtime breaks its own promises: each test plays a script to a client.

#[path = "../support/mod.rs"]
mod support;

mod callbacks;
mod calls;
mod closing;
mod connecting;
mod crowds;
mod dying;
mod floods;
mod giving_way;
mod guest;
mod idle;
mod interrupts;
mod lines;
mod locating;
mod panics;
mod requests;
mod secrets;
mod turns;

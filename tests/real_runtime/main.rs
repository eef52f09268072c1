//! What the library promises, kept with the real runtimes: each promise with the newest and with the oldest of them.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod approvals;
mod calls;
mod clients;
mod compactions;
mod compat;
mod control;
mod goals;
mod inputs;
mod load;
mod notifications;
mod parameters;
mod policies;
mod questions;
mod reviews;
mod runs;
mod streams;
mod threads;
mod tools;

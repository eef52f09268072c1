//! The example programs do what their first lines say.

#[path = "../support/mod.rs"]
mod support;

mod approve;
mod chat;
mod errors;
mod goals;
mod image;
mod login;
mod poll;
mod pty;
mod quickstart;
mod replayed;
mod review;
mod sessions;
mod stage;
mod stream;
mod structured;
mod terminal;
mod tools;

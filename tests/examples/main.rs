//! The example programs do what their first lines say.

#[path = "../support/mod.rs"]
mod support;

mod goals;
mod login;
mod poll;
mod review;
mod sessions;
mod stage;
mod tools;

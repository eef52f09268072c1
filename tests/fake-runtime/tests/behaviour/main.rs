//! The program, asked over its pipes as a client asks it.

mod actions;
mod builtin;
mod client;
mod load;
mod process;
mod turns;

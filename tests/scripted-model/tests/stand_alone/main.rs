//! What the model does on its own, without a runtime.

mod client;
mod http;
mod program;

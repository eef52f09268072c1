//! What the integration tests share.

// Each test program uses its own part of it.
#![allow(dead_code)]

pub mod alone;
pub mod compiler;
pub mod fake;
pub mod follow;
pub mod issuer;
pub mod listening;
pub mod peer;
pub mod real;
pub mod shown;

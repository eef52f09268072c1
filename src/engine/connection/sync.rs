//! The locks of the hand-over. Its proof under loom puts loom's in their place.

pub use std::sync::{Condvar, Mutex, MutexGuard};

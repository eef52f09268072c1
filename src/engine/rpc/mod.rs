//! The JSON-RPC peer: what a message is, which call it answers, and how long a call may take.
//!
//! Nothing here does input or output and nothing reads a clock: messages and the time are passed in, so that every deadline
//! can be tested without sleeping through it.

mod backoff;
mod deadline;
mod envelope;
mod outbox;
mod peer;
mod scan;

pub use deadline::CallDeadline;
pub(crate) use envelope::OVERLOADED;
pub use envelope::{Envelope, Ids, Notification, Outcome, RpcError, RpcId};
pub use peer::{Answered, CallId, Expired, Peer};

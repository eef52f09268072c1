//! What the options decide about a connection.

use std::time::Duration;

use super::Interrupts;
use crate::engine::limits::Limits;
use crate::engine::transport::Redactor;

/// What the options decide.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a call may take.
    pub request_timeout: Option<Duration>,
    /// How long the host may take to answer a request.
    pub answer_timeout: Option<Duration>,
    /// The ceiling of all queues together, in bytes.
    pub max_queued_bytes: usize,
    /// Who is asked first when the runtime asks something.
    pub asks: Asks,
    /// From where the events of turns are read.
    pub queues: Queues,
    /// What an interrupt of the host ends.
    pub interrupts: Interrupts,
    /// The limits of turns that have none of their own.
    pub limits: Limits,
    /// Knows what is kept out of errors, should the runtime repeat it.
    pub redactor: Redactor,
    /// Decides the jitter of repetitions.
    pub seed: u64,
}

/// Who is asked first when the runtime asks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The request handler of the options.
    Handler,
    /// The reader of the turn's events, or of the client's.
    Reader,
}

/// From where the events of turns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queues {
    /// Each turn handle has a queue of its own.
    PerTurn,
    /// All of them from the client queue.
    Single,
}

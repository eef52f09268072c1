//! How messages travel. A transport carries messages, not bytes: a line of a pipe, a frame of a socket.

mod framing;
mod process;
mod recorder;
mod recording;
mod redactor;
mod replay;
mod socket;
mod tap;

use std::io;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::engine::error::Error;

pub use process::{ProcessTransport, strip_escapes};
pub use recorder::Recorder;
pub use recording::Recording;
pub use redactor::Redactor;
pub use replay::ReplayTransport;
pub use socket::{Destination, SocketTransport};
pub use tap::{Direction, Tap, TraceSink};

/// What a transport has received.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// A message longer than allowed: its beginning, its end and its length.
    Oversized {
        /// The first bytes.
        head: &'a [u8],
        /// The last bytes.
        tail: &'a [u8],
        /// How long it was.
        len: u64,
    },
}

/// Whether more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Something came, and there may be more.
    Some,
    /// Something came, and that was all for now.
    All,
    /// Nothing will come any more.
    End,
}

/// How a connection ended.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// How the process ended, in words.
    pub exit_status: Option<String>,
    /// The end of what it wrote to its standard error.
    pub stderr_tail: Option<String>,
    /// What the host is told instead, where there is more to say.
    pub cause: Option<Error>,
}

/// A connection to a runtime. Every `poll_*` registers the waker of its context, as futures do.
pub trait Transport: Send {
    /// Receives what is there, without looking at it.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Filled>;

    /// Receives what is left of a runtime that is gone, without waiting.
    fn fill_rest(&mut self) -> Filled;

    /// Hands out each whole message that was received.
    fn take_messages(&mut self, deliver: &mut dyn FnMut(Incoming<'_>));

    /// Sends one message. Until it is ready, it must be called again with the same message.
    fn poll_send(&mut self, cx: &mut Context<'_>, message: &str) -> Poll<io::Result<()>>;

    /// Begins to end the connection; the runtime has `patience` to end by itself. Said again, the earlier end counts.
    fn end(&mut self, now: Instant, patience: Duration);

    /// Nothing more will be sent.
    fn finish_sending(&mut self);

    /// Goes on with ending; ready when the runtime is gone and nothing of it is left.
    fn poll_ended(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Ending>;

    /// When [`Transport::poll_ended`] has something to do next.
    fn next_deadline(&self) -> Option<Instant>;
}

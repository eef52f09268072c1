//! Watches the messages that go by, with secrets removed.

use std::fmt;
use std::sync::Arc;

use crate::engine::callbacks::Callbacks;
use crate::engine::json::without_secrets;

/// Which way a message goes. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Direction {
    /// To the runtime.
    Sent = 0,
    /// From the runtime.
    Received = 1,
}

/// Takes a direction and a message.
pub type TraceSink = dyn Fn(Direction, &str) + Send + Sync;

/// Hands each message to the host's trace callback, if there is one.
#[derive(Clone, Default)]
pub struct Tap {
    sink: Option<(Arc<TraceSink>, Arc<Callbacks>)>,
}

impl Tap {
    /// Messages go to `sink`, on a thread of `callbacks`.
    pub fn new(sink: Arc<TraceSink>, callbacks: Arc<Callbacks>) -> Self {
        Self { sink: Some((sink, callbacks)) }
    }

    /// A message goes by.
    pub fn pass(&self, direction: Direction, message: &[u8]) {
        let Some((sink, callbacks)) = &self.sink else { return };
        let message = without_secrets(&String::from_utf8_lossy(message));
        let sink = Arc::clone(sink);
        callbacks.push(move || sink(direction, &message));
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("watched", &self.sink.is_some()).finish()
    }
}

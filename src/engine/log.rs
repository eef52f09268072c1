//! What the library and the runtime have to say, for the host that wants to hear it.

use std::fmt;
use std::sync::Arc;

use super::callbacks::Callbacks;

/// How much a message matters. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something is broken.
    Error = 1,
    /// Something is odd.
    Warn = 2,
    /// Something happened.
    Info = 3,
    /// For whoever looks for a defect.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

/// Takes a level, a target and a message.
pub type LogSink = dyn Fn(Level, &str, &str) + Send + Sync;

/// Where messages go; nowhere, unless the host registered a callback.
#[derive(Clone, Default)]
pub struct Log {
    target: Option<Arc<Target>>,
}

struct Target {
    level: Level,
    sink: Arc<LogSink>,
    callbacks: Arc<Callbacks>,
}

impl Log {
    /// Messages up to `level` go to `sink`, on a thread of `callbacks`.
    pub fn new(level: Level, sink: Arc<LogSink>, callbacks: Arc<Callbacks>) -> Self {
        Self { target: Some(Arc::new(Target { level, sink, callbacks })) }
    }

    /// Hands a message on; it is only made when somebody wants it.
    pub fn emit(&self, level: Level, target: &'static str, message: impl FnOnce() -> String) {
        let Some(to) = self.target.as_ref().filter(|to| level <= to.level) else { return };
        let (sink, message) = (Arc::clone(&to.sink), message());
        to.callbacks.push(move || sink(level, target, &message));
    }

    /// How many messages were dropped, because the host took them too slowly.
    pub fn dropped(&self) -> u64 {
        self.target.as_ref().map_or(0, |to| to.callbacks.dropped())
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.target.as_ref().map(|to| to.level)).finish()
    }
}

//! Until when a call may go on, and who has said so: whoever waits in vain is told.

use std::fmt;
use std::time::{Duration, Instant};

/// When a call is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallDeadline {
    /// The moment.
    pub at: Instant,
    said_by: SaidBy,
}

/// Who has said how long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SaidBy {
    /// The options of the client, for each call.
    Options(Duration),
    /// Whoever made the call.
    Caller(Duration),
    /// The library.
    Library,
}

impl CallDeadline {
    /// The deadline of a call that may take as long as the options say.
    pub fn of_options(now: Instant, time: Duration) -> Option<Self> {
        now.checked_add(time).map(|at| Self { at, said_by: SaidBy::Options(time) })
    }

    /// The deadline of a call that may take as long as its caller says.
    pub fn of_caller(now: Instant, time: Duration) -> Option<Self> {
        now.checked_add(time).map(|at| Self { at, said_by: SaidBy::Caller(time) })
    }
}

impl From<Instant> for CallDeadline {
    /// The deadline of something that the library asks by itself.
    fn from(at: Instant) -> Self {
        Self { at, said_by: SaidBy::Library }
    }
}

impl fmt::Display for CallDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.said_by {
            SaidBy::Options(time) => write!(f, "within request_timeout_ms ({})", time.as_millis()),
            SaidBy::Caller(time) => write!(f, "within {} ms", time.as_millis()),
            SaidBy::Library => f.write_str("in time"),
        }
    }
}

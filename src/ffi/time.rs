//! Milliseconds of C.

use std::time::Duration;

use crate::engine::call::Timeout;
use crate::engine::connection::{Connection, Deadline};
use crate::engine::error::{Error, Result};

const FOREVER: i64 = -1;
const DEFAULT: i64 = -2;

/// A call that must be answered cannot wait for no time at all.
pub(crate) fn timeout(ms: i64) -> Result<Timeout> {
    match ms {
        FOREVER => Ok(Timeout::Never),
        DEFAULT => Ok(Timeout::Default),
        1.. => Ok(Timeout::After(Duration::from_millis(ms.unsigned_abs()))),
        _ => Err(Error::invalid_argument(format!(
            "timeout_ms cannot be {ms}: pass 1 or more milliseconds, CODEX_WAIT_FOREVER or CODEX_WAIT_DEFAULT"
        ))),
    }
}

/// Until when a wait goes on; 0 takes what is there.
pub(crate) fn deadline(ms: i64, connection: &Connection) -> Result<Deadline> {
    match ms {
        FOREVER => Ok(Deadline::Never),
        DEFAULT => Ok(connection.request_timeout().map_or(Deadline::Never, |timeout| at(connection, timeout))),
        0 => Ok(Deadline::Now),
        1.. => Ok(at(connection, Duration::from_millis(ms.unsigned_abs()))),
        _ => Err(Error::invalid_argument(format!(
            "timeout_ms cannot be {ms}: pass 0 or more milliseconds, CODEX_WAIT_FOREVER or CODEX_WAIT_DEFAULT"
        ))),
    }
}

fn at(connection: &Connection, timeout: Duration) -> Deadline {
    connection.now().checked_add(timeout).map_or(Deadline::Never, Deadline::At)
}

/// The value of an option: a time, or none.
pub(crate) fn option(ms: i64, default: Option<Duration>) -> Result<Option<Duration>> {
    match timeout(ms)? {
        Timeout::Never => Ok(None),
        Timeout::Default => Ok(default),
        Timeout::After(time) => Ok(Some(time)),
    }
}

/// How long the runtime may take to end by itself; 0 kills it at once.
pub(crate) fn patience(ms: i64) -> Result<Timeout> {
    match ms {
        0 => Ok(Timeout::After(Duration::ZERO)),
        _ => timeout(ms),
    }
}

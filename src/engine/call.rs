//! Calls of the runtime's methods, made by whoever waits for the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, Deadline};
use super::error::{Error, Result, Status};
use super::rpc::CallDeadline;
use super::session::Interest;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As long as the options say.
    Default,
    /// As long as it takes.
    Never,
    /// No longer than this.
    After(Duration),
}

impl Timeout {
    /// Until when a call that is made `now` may take, where the options say `default`.
    pub(super) fn deadline(self, now: Instant, default: Option<CallDeadline>) -> Option<CallDeadline> {
        match self {
            Self::Default => default,
            Self::Never => None,
            Self::After(time) => CallDeadline::of_caller(now, time),
        }
    }
}

/// Calls a method and waits for the result.
pub(super) fn call(connection: &Arc<Connection>, method: &str, params: &str, timeout: Timeout) -> Result<String> {
    check_method(method)?;
    let _coming = connection.about_to_wait();
    let now = connection.now();
    let call = {
        let mut session = connection.session()?;
        let deadline = timeout.deadline(now, session.default_deadline(now));
        session.begin_call(method, params, deadline)?
    };
    match connection.wait(Interest::Call(call), Deadline::Never, |session| session.take_answer(call)) {
        Ok(Some(answer)) => answer,
        Ok(None) => Err(Error::new(Status::Internal, "a call without a deadline ended without an answer")),
        Err(error) => {
            connection.session()?.forget_call(call);
            Err(error)
        }
    }
}

/// A method that the runtime cannot read is never answered.
pub(super) fn check_method(method: &str) -> Result<()> {
    if method.is_empty() {
        Err(Error::invalid_argument("the method is empty; name one, like model/list"))
    } else {
        Ok(())
    }
}

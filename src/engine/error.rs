//! The one error of the library: a status, a sentence for a person, and everything the runtime said about it.
//!
//! A runtime or a provider may repeat an API key in what it says, and errors end up in logs: no error holds a secret.

use super::json::{push_quoted, without_secrets};

/// What went wrong, in the classes that a caller acts upon. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Status {
    /// A required argument is missing, malformed or out of range.
    InvalidArgument = -1,
    /// A text that must be JSON is not.
    InvalidJson = -2,
    /// No executable of the runtime was found.
    RuntimeNotFound = -10,
    /// The runtime could not be started, or ended before it was ready.
    RuntimeStart = -11,
    /// The runtime is too old or too new for what was asked.
    RuntimeUnsupported = -12,
    /// The connection was lost.
    Transport = -13,
    /// The runtime broke the protocol; required events are missing.
    Protocol = -14,
    /// The runtime asks for a login.
    Auth = -15,
    /// A call was not answered in time.
    TimedOut = -16,
    /// The runtime answered with an error.
    Rpc = -20,
    /// The runtime was still overloaded after the retries that the deadline allowed, or does not read what it is told.
    Overloaded = -21,
    /// The turn failed; its result holds what was collected.
    TurnFailed = -30,
    /// The turn was interrupted; its result holds what was collected.
    TurnInterrupted = -31,
    /// A deadline of the turn passed; its result holds what was collected.
    TurnTimedOut = -32,
    /// A budget of the turn ran out; its result holds what was collected.
    Limit = -33,
    /// The client was closed.
    Closed = -40,
    /// The call cannot be made from this callback.
    WouldDeadlock = -41,
    /// The handle belongs to the parent process.
    Forked = -42,
    /// The request has been answered, or needs no answer any more.
    AlreadyAnswered = -43,
    /// A defect of the library: a panic was caught.
    Internal = -99,
}

impl Status {
    /// The number that the C header gives this status.
    pub fn code(self) -> i32 {
        self as i32
    }
}

/// An error with all that is known about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    status: Status,
    message: String,
    details: Box<Details>,
}

#[derive(Clone, Debug, Default)]
struct Details {
    reason: String,
    rpc_code: i64,
    retryable: bool,
    data: Option<String>,
    codex_error_info: Option<String>,
    exit_status: Option<String>,
    stderr_tail: Option<String>,
}

/// The reason of an error that ended a connection which stood.
pub(crate) const CONNECTION_LOST: &str = "connectionLost";

/// What every fallible call of the engine returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `status` that reads as `message`.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: without_secrets(&message.into()), details: Box::default() }
    }

    /// An argument of a call cannot be used.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    /// The client is closed, so nothing can be asked of it any more.
    pub fn closed() -> Self {
        Self::new(Status::Closed, "the client is closed; connect a new one, then resume the thread")
    }

    /// Adds the stable word that names the cause.
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.details.reason = reason.into();
        self
    }

    /// Adds the JSON-RPC code that the runtime answered with.
    pub fn with_rpc_code(mut self, code: i64) -> Self {
        self.details.rpc_code = code;
        self
    }

    /// Adds the `data` of the runtime's error, as it is but for secrets.
    pub fn with_data(mut self, data: Option<&str>) -> Self {
        self.details.data = data.map(without_secrets);
        self
    }

    /// Adds the `codexErrorInfo` of a turn, as it is but for secrets.
    pub fn with_codex_error_info(mut self, info: Option<&str>) -> Self {
        self.details.codex_error_info = info.map(without_secrets);
        self
    }

    /// Adds how the runtime's process ended.
    pub fn with_exit_status(mut self, exit: Option<String>) -> Self {
        self.details.exit_status = exit;
        self
    }

    /// Adds the end of what the runtime wrote to its standard error.
    pub fn with_stderr_tail(mut self, tail: Option<String>) -> Self {
        self.details.stderr_tail = tail;
        self
    }

    /// Marks an error after which the same call may succeed.
    pub fn retryable(mut self) -> Self {
        self.details.retryable = true;
        self
    }

    /// The same error in the terms of another call.
    pub fn reworded(mut self, status: Status, message: impl Into<String>) -> Self {
        self.status = status;
        self.message = without_secrets(&message.into());
        self
    }

    /// The same error with what another one tells about the end of the process.
    pub fn with_ending_of(mut self, other: Self) -> Self {
        self.details.exit_status = other.details.exit_status;
        self.details.stderr_tail = other.details.stderr_tail;
        self
    }

    /// The same error, with all that the runtime may have said in it put through `clean`.
    pub fn cleaned(mut self, clean: impl Fn(&str) -> String) -> Self {
        let Details { data, codex_error_info, stderr_tail, .. } = &mut *self.details;
        for said in [data, codex_error_info, stderr_tail].into_iter().flatten() {
            *said = clean(said);
        }
        self.message = clean(&self.message);
        self
    }

    /// What the runtime's error holds besides, as JSON.
    pub fn data(&self) -> Option<&str> {
        self.details.data.as_deref()
    }

    /// The class of the error.
    pub fn status(&self) -> Status {
        self.status
    }

    /// One readable sentence: what happened, with which value, what to do.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The stable word that names the cause, or "".
    pub fn reason(&self) -> &str {
        &self.details.reason
    }

    /// The end of what the runtime wrote to its standard error, if that is known.
    pub fn stderr_tail(&self) -> Option<&str> {
        self.details.stderr_tail.as_deref()
    }

    /// How the process of the runtime ended, if there was one.
    pub fn exit_status(&self) -> Option<&str> {
        self.details.exit_status.as_deref()
    }

    /// The JSON-RPC code of the runtime's answer; 0 when there is none.
    pub fn rpc_code(&self) -> i64 {
        self.details.rpc_code
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_retryable(&self) -> bool {
        self.details.retryable
    }

    /// Everything as a JSON object.
    pub fn to_json(&self) -> String {
        let details = &self.details;
        let mut json = format!("{{\"status\":{},\"message\":", self.status.code());
        push_quoted(&mut json, &self.message);
        json.push_str(",\"reason\":");
        push_quoted(&mut json, &details.reason);
        json.push_str(&format!(",\"rpcCode\":{},\"retryable\":{}", details.rpc_code, details.retryable));
        push_raw(&mut json, "data", details.data.as_deref());
        push_raw(&mut json, "codexErrorInfo", details.codex_error_info.as_deref());
        push_text(&mut json, "exitStatus", details.exit_status.as_deref());
        push_text(&mut json, "stderrTail", details.stderr_tail.as_deref());
        json.push('}');
        json
    }
}

/// The end of a sentence: what the runtime said last, or "".
pub fn last_words(stderr_tail: Option<&str>) -> String {
    stderr_tail.and_then(last_line).map(|line| format!("; its last words: {line}")).unwrap_or_default()
}

/// The line that says what was wrong: a backtrace may follow it.
fn last_line(stderr: &str) -> Option<&str> {
    let mut lines = stderr.lines().map(str::trim).rev().filter(|line| !line.is_empty());
    let last = lines.clone().next();
    lines.find(|line| line.starts_with("Error")).or(last)
}

fn push_raw(json: &mut String, key: &str, raw: Option<&str>) {
    json.push_str(&format!(",\"{key}\":{}", raw.unwrap_or("null")));
}

fn push_text(json: &mut String, key: &str, text: Option<&str>) {
    json.push_str(&format!(",\"{key}\":"));
    match text {
        Some(text) => push_quoted(json, text),
        None => json.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_told_and_not_the_backtrace_behind_it() {
        assert_eq!(last_line("noise\nError: no home\n\nStack backtrace:\n 0: <unknown>\n"), Some("Error: no home"));
        assert_eq!(last_line("one\ntwo\n\n"), Some("two"));
        assert_eq!(last_line(" \n"), None);
    }

    #[test]
    fn the_json_of_an_error_holds_everything_and_is_valid() {
        let error = Error::new(Status::Rpc, "no \"such\" thread")
            .with_reason("threadNotFound")
            .with_rpc_code(-32600)
            .with_data(Some("{\"a\":1}"))
            .with_exit_status(Some("exit status 3".into()));
        let json: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(json["status"], -20);
        assert_eq!(json["message"], "no \"such\" thread");
        assert_eq!(json["data"]["a"], 1);
        assert_eq!(json["exitStatus"], "exit status 3");
        assert!(json["stderrTail"].is_null());
    }
}

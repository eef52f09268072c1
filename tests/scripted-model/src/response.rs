//! One answer of the model: how a test builds it, and how it is written as JSON.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::form::Form;
use crate::step::{CustomCall, FunctionCall, Message, Reasoning, Step, Yes};

/// One answer of the model to one request.
///
/// The methods that add output add it in the order of the calls. They have no effect on [`Response::hang`] and
/// [`Response::http`], which stream nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Form")]
pub struct Response {
    pub(crate) start: Start,
    pub(crate) headers: HeaderMap,
    pub(crate) needle: Option<String>,
    pub(crate) script: Script,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Start {
    #[default]
    Stream,
    Http(HttpAnswer),
    Hang,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpAnswer {
    #[serde(deserialize_with = "status")]
    pub(crate) status: StatusCode,
    /// A string goes out as it is, anything else as JSON.
    #[serde(default)]
    pub(crate) body: Value,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) usage: Usage,
    pub(crate) end: End,
}

/// How a stream ends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum End {
    #[default]
    Completed,
    Failed(Failure),
    Incomplete(String),
    Cut,
    CutAfter(usize),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The token counts of a response. Without a call of [`Response::usage`] a response has used 10 tokens of input and
/// 5 of output.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// The tokens of the request.
    pub input: u64,
    /// How many of those came from the cache.
    pub cached: u64,
    /// The tokens of the response.
    pub output: u64,
    /// How many of those were spent on reasoning.
    pub reasoning: u64,
    /// The sum that the model tells; 0 stands for input plus output.
    pub total: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 10, cached: 0, output: 5, reasoning: 0, total: 0 }
    }
}

impl Usage {
    pub(crate) fn told_total(&self) -> u64 {
        match self.total {
            0 => self.input + self.output,
            total => total,
        }
    }
}

impl Response {
    /// A response without output.
    pub fn new() -> Self {
        Self::default()
    }

    /// A response of one message with the phase `final_answer`, whose text comes in these deltas.
    pub fn text<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        Self::new().message(Message::streamed(deltas).phase("final_answer"))
    }

    /// No answer at all, not even HTTP headers, until the server ends.
    pub fn hang() -> Self {
        Self { start: Start::Hang, ..Self::default() }
    }

    /// An HTTP answer instead of a stream. A string is sent as plain text, anything else as JSON.
    ///
    /// # Panics
    ///
    /// When the status is not between 200 and 999.
    pub fn http(status: u16, body: Value) -> Self {
        let status = checked_status(status).unwrap_or_else(|message| panic!("{message}"));
        Self { start: Start::Http(HttpAnswer { status, body }), ..Self::default() }
    }

    /// The HTTP answer 429 for an account that has used up its limit.
    pub fn usage_limit_reached() -> Self {
        Self::http(
            429,
            json!({"error": {"type": "usage_limit_reached", "message": "The usage limit has been reached"}}),
        )
    }

    /// Adds an HTTP header to the answer.
    ///
    /// # Panics
    ///
    /// When the name or the value has a character that a header cannot have.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = checked_header(name, value).unwrap_or_else(|message| panic!("{message}"));
        self.headers.insert(name, value);
        self
    }

    /// Keeps the response for a request whose last user message contains this text.
    pub fn for_text(mut self, needle: impl Into<String>) -> Self {
        self.needle = Some(needle.into());
        self
    }

    /// Adds a message.
    pub fn message(self, message: Message) -> Self {
        self.step(Step::Message(message))
    }

    /// Adds reasoning: the parts of its summary, and its raw text, which may be empty.
    pub fn reasoning<T: Into<String>>(self, summary: impl IntoIterator<Item = T>, text: impl Into<String>) -> Self {
        self.step(Step::Reasoning(Reasoning {
            summary: summary.into_iter().map(Into::into).collect(),
            text: text.into(),
        }))
    }

    /// Adds a call of a function. A string is sent as the arguments as it is, even if it is not JSON.
    pub fn call(self, call_id: impl Into<String>, name: impl Into<String>, arguments: Value) -> Self {
        self.step(Step::Call(FunctionCall {
            name: name.into(),
            namespace: None,
            call_id: Some(call_id.into()),
            arguments,
        }))
    }

    /// Adds a call of a function that belongs to a namespace.
    pub fn call_in(
        self,
        namespace: impl Into<String>,
        call_id: impl Into<String>,
        name: impl Into<String>,
        arguments: Value,
    ) -> Self {
        self.step(Step::Call(FunctionCall {
            name: name.into(),
            namespace: Some(namespace.into()),
            call_id: Some(call_id.into()),
            arguments,
        }))
    }

    /// Adds a call of `exec_command`, with arguments such as `{"cmd": "echo hi"}`.
    pub fn call_exec(self, call_id: impl Into<String>, arguments: Value) -> Self {
        self.call(call_id, "exec_command", arguments)
    }

    /// Adds a call of a custom tool, whose input is text instead of JSON.
    pub fn custom_call(self, call_id: impl Into<String>, name: impl Into<String>, input: impl Into<String>) -> Self {
        self.step(Step::CustomCall(CustomCall {
            name: name.into(),
            call_id: Some(call_id.into()),
            input: input.into(),
        }))
    }

    /// Adds a call of `apply_patch` with a patch from `*** Begin Patch` to `*** End Patch`.
    pub fn apply_patch(self, call_id: impl Into<String>, patch: impl Into<String>) -> Self {
        self.custom_call(call_id, "apply_patch", patch)
    }

    /// Adds a finished output item of any type.
    pub fn item(self, item: Value) -> Self {
        self.step(Step::Item(item))
    }

    /// Adds a stream event of any type.
    pub fn event(self, event: Value) -> Self {
        self.step(Step::Event(event))
    }

    /// Adds a line that is no event.
    pub fn garbage(self, line: impl Into<String>) -> Self {
        self.step(Step::Garbage(line.into()))
    }

    /// Waits before what follows.
    pub fn pause(self, time: Duration) -> Self {
        self.step(Step::Pause(time))
    }

    /// Waits until the test releases the gate.
    pub fn gate(self, name: impl Into<String>) -> Self {
        self.step(Step::Gate(name.into()))
    }

    /// Sends nothing more and keeps the connection open.
    pub fn then_hang(self) -> Self {
        self.step(Step::Hang(Yes))
    }

    /// Sets the token counts that the end of the response tells.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.script.usage = usage;
        self
    }

    /// Ends with `response.failed`.
    pub fn failed(self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.end(End::Failed(Failure { code: code.into(), message: message.into() }))
    }

    /// Ends with `response.incomplete` for a reason such as `max_output_tokens`.
    pub fn incomplete(self, reason: impl Into<String>) -> Self {
        self.end(End::Incomplete(reason.into()))
    }

    /// Drops the connection after the output, without an end of the response.
    pub fn cut(self) -> Self {
        self.end(End::Cut)
    }

    /// Drops the connection after this many events; the first event is `response.created`.
    pub fn cut_after(self, events: usize) -> Self {
        self.end(End::CutAfter(events))
    }

    fn step(mut self, step: Step) -> Self {
        self.script.steps.push(step);
        self
    }

    fn end(mut self, end: End) -> Self {
        self.script.end = end;
        self
    }
}

fn checked_status(status: u16) -> Result<StatusCode, String> {
    let code = StatusCode::from_u16(status).ok();
    code.filter(|code| !code.is_informational())
        .ok_or_else(|| format!("{status} is no status of an HTTP answer: take one between 200 and 999."))
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
    checked_status(u16::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(crate) fn checked_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    match (name.parse(), value.parse()) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(format!(
            "{name:?} with the value {value:?} is no HTTP header: use visible ASCII characters, and no blanks in the name."
        )),
    }
}

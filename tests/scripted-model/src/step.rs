//! What a streamed response is made of.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One part of a streamed response, in the order in which the model sends them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Step {
    Message(Message),
    Reasoning(Reasoning),
    Call(FunctionCall),
    CustomCall(CustomCall),
    /// An output item of any type, sent as it is.
    Item(Value),
    /// A stream event of any type, sent as it is.
    Event(Value),
    /// Bytes that are no event.
    Garbage(String),
    #[serde(rename = "pauseMs", deserialize_with = "milliseconds")]
    Pause(Duration),
    Gate(String),
    Hang(Yes),
}

/// A stop between two deltas.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Wait {
    #[serde(rename = "pauseMs", deserialize_with = "milliseconds")]
    Pause(Duration),
    Gate(String),
    Hang(Yes),
}

/// The JSON value `true`, where no other makes sense.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "bool")]
pub(crate) struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("The only value here is true: leave the field out instead of writing false.")
    }
}

/// A message of the assistant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Message {
    #[serde(rename = "text", deserialize_with = "text")]
    pub(crate) parts: Vec<Part>,
    #[serde(default)]
    pub(crate) phase: Option<String>,
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default, rename = "paceMs", deserialize_with = "milliseconds")]
    pub(crate) pace: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Delta(String),
    Wait(Wait),
}

impl Message {
    /// A message without a phase whose text comes in one delta.
    pub fn new(text: impl Into<String>) -> Self {
        Self::streamed([text])
    }

    /// A message without a phase whose text comes in these deltas.
    pub fn streamed<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        let parts = deltas.into_iter().map(|delta| Part::Delta(delta.into()));
        Self { parts: parts.collect(), ..Self::default() }
    }

    /// Sets the phase, such as `commentary` or `final_answer`.
    pub fn phase(mut self, phase: impl Into<String>) -> Self {
        self.phase = Some(phase.into());
        self
    }

    /// Sets the id of the item; without it the model makes one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Lets this much time pass between any two deltas.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Adds a delta.
    pub fn delta(self, text: impl Into<String>) -> Self {
        self.part(Part::Delta(text.into()))
    }

    /// Waits before what follows.
    pub fn pause(self, time: Duration) -> Self {
        self.part(Part::Wait(Wait::Pause(time)))
    }

    /// Waits until the test releases the gate.
    pub fn gate(self, name: impl Into<String>) -> Self {
        self.part(Part::Wait(Wait::Gate(name.into())))
    }

    /// Sends nothing more and keeps the connection open.
    pub fn hang(self) -> Self {
        self.part(Part::Wait(Wait::Hang(Yes)))
    }

    fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    pub(crate) fn full_text(&self) -> String {
        let deltas = self.parts.iter().filter_map(|part| match part {
            Part::Delta(text) => Some(text.as_str()),
            Part::Wait(_) => None,
        });
        deltas.collect()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reasoning {
    pub(crate) summary: Vec<String>,
    pub(crate) text: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FunctionCall {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    #[serde(default)]
    pub(crate) call_id: Option<String>,
    /// A string goes out as it is, so that a test can send arguments that are not JSON.
    pub(crate) arguments: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CustomCall {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) call_id: Option<String>,
    pub(crate) input: String,
}

/// A text is a string, or an array of deltas and waits.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Part>, D::Error> {
    let parts = match Value::deserialize(deserializer)? {
        Value::Array(parts) => parts,
        part => vec![part],
    };
    let parts: Result<_, serde_json::Error> = parts.into_iter().map(part).collect();
    parts.map_err(D::Error::custom)
}

fn part(value: Value) -> Result<Part, serde_json::Error> {
    match value {
        Value::String(delta) => Ok(Part::Delta(delta)),
        wait => serde_json::from_value(wait).map(Part::Wait),
    }
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

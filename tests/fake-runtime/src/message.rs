//! What the client sends.

use serde::Deserialize;
use serde_json::Value;

/// A request, or a notification when there is no id.
pub(crate) struct Call {
    pub(crate) id: Option<Value>,
    pub(crate) method: String,
    pub(crate) params: Option<Value>,
    pub(crate) arrival: u64,
}

/// A message of the client.
pub(crate) enum Message {
    Call(Call),
    Answer(Value),
}

#[derive(Deserialize)]
struct Envelope {
    id: Option<Value>,
    method: Option<String>,
    params: Option<Value>,
}

impl Message {
    /// Reads a line. The real runtime drops silently what is no message, so there is no error to tell.
    pub(crate) fn parse(line: &str, arrival: u64) -> Option<Self> {
        let Envelope { id, method, params } = serde_json::from_str(line).ok()?;
        if id.as_ref().is_some_and(|id| !is_id(id)) {
            return None;
        }
        match (method, id) {
            (Some(method), id) => Some(Self::Call(Call { id, method, params, arrival })),
            (None, Some(id)) => Some(Self::Answer(id)),
            (None, None) => None,
        }
    }
}

fn is_id(value: &Value) -> bool {
    value.is_i64() || value.is_string()
}

/// The texts of an `input` list, together.
pub(crate) fn user_text(params: &Value) -> String {
    let input = params["input"].as_array();
    let texts = input.into_iter().flatten().filter_map(|part| part["text"].as_str());
    texts.collect()
}

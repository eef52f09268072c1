//! The request that a script answers, and the placeholders that stand for its parts.

use fake_runtime::Turn;
use serde_json::{Map, Value};

use crate::sys::monotonic_micros;

/// The request at hand.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) id: Option<Value>,
    pub(crate) method: String,
    pub(crate) params: Option<Value>,
    pub(crate) arrival: u64,
    pub(crate) thread_id: String,
    pub(crate) turn_id: String,
    pub(crate) text: String,
}

/// What becomes of `$nowUs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    Replace,
    Keep,
}

pub(crate) const NOW: &str = "$nowUs";

impl Context {
    /// The params, or null.
    pub(crate) fn params(&self) -> &Value {
        self.params.as_ref().unwrap_or(&Value::Null)
    }

    /// Replaces the placeholders in every string of `value`.
    pub(crate) fn fill(&self, value: &Value, now: Now) -> Value {
        match value {
            Value::String(text) if text == "$id" => self.id.clone().unwrap_or_default(),
            Value::String(text) => Value::String(self.fill_text(text, now)),
            Value::Array(list) => list.iter().map(|value| self.fill(value, now)).collect(),
            Value::Object(object) => {
                let fill = |(key, value): (&String, &Value)| (key.clone(), self.fill(value, now));
                Value::Object(object.iter().map(fill).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    /// Replaces the placeholders in a text.
    pub(crate) fn fill_text(&self, text: &str, now: Now) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let (before, from_dollar) = rest.split_at(dollar);
            let name = from_dollar[1..].split(|c: char| !c.is_ascii_alphanumeric());
            let length = 1 + name.map(str::len).next().unwrap_or(0);
            let (placeholder, after) = from_dollar.split_at(length);
            filled.push_str(before);
            match self.value_of(placeholder, now) {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(placeholder),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// Replaces the placeholders in what a turn sends.
    pub(crate) fn fill_turn(&self, turn: &Turn) -> Turn {
        let text = |text: &String| self.fill_text(text, Now::Replace);
        let value = |value: &Value| self.fill(value, Now::Replace);
        let deltas = turn.deltas.as_ref();
        Turn {
            deltas: deltas.map(|deltas| deltas.iter().map(text).collect()),
            text: turn.text.as_ref().map(text),
            error: turn.error.as_ref().map(value),
            items: turn.items.iter().map(value).collect(),
            ..turn.clone()
        }
    }

    fn value_of(&self, placeholder: &str, now: Now) -> Option<String> {
        match placeholder {
            "$threadId" => Some(self.thread_id.clone()),
            "$turnId" => Some(self.turn_id.clone()),
            "$text" => Some(self.text.clone()),
            "$id" => self.id.as_ref().map(id_text),
            NOW if now == Now::Replace => Some(monotonic_micros().to_string()),
            _ => None,
        }
    }
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

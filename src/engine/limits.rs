//! How long a turn may take, be quiet or be silent, and how much it may use.

use std::time::Duration;

use serde::Deserialize;

use super::error::{Error, Result, Status};

/// The limits of one turn; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the turn may take in all.
    pub timeout: Option<Duration>,
    /// How long it may go without an event, except while something is in progress or waits for an answer.
    pub idle: Option<Duration>,
    /// After how long without an event the runtime is asked whether the turn still runs.
    pub silence: Option<Duration>,
    /// How many tokens its model requests may use together.
    pub max_tokens: Option<u64>,
    /// How many commands and tool calls it may begin.
    pub max_tool_calls: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: None,
            idle: Some(Duration::from_secs(600)),
            silence: Some(Duration::from_secs(60)),
            max_tokens: None,
            max_tool_calls: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    timeout_ms: Option<u64>,
    idle_timeout_ms: Option<u64>,
    silence_ms: Option<u64>,
    max_tokens: Option<u64>,
    max_tool_calls: Option<u64>,
}

impl Limits {
    /// These limits, changed by the members of a JSON object; 0 switches one off.
    pub fn changed_by(self, json: &str) -> Result<Self> {
        let wire: Wire = serde_json::from_str(json).map_err(|error| {
            let expected = "the members are timeoutMs, idleTimeoutMs, silenceMs, maxTokens and maxToolCalls, each a whole number from 0";
            Error::new(Status::InvalidArgument, format!("limits cannot be {json}: {error}; {expected}"))
        })?;
        let time = |given: Option<u64>, known| given.map_or(known, |ms| (ms > 0).then(|| Duration::from_millis(ms)));
        let count = |given: Option<u64>, known| given.map_or(known, |n| (n > 0).then_some(n));
        Ok(Self {
            timeout: time(wire.timeout_ms, self.timeout),
            idle: time(wire.idle_timeout_ms, self.idle),
            silence: time(wire.silence_ms, self.silence),
            max_tokens: count(wire.max_tokens, self.max_tokens),
            max_tool_calls: count(wire.max_tool_calls, self.max_tool_calls),
        })
    }

    /// The tighter of each of two limits: a turn that was joined obeys both.
    pub fn tightened_by(self, other: Self) -> Self {
        Self {
            timeout: tighter(self.timeout, other.timeout),
            idle: tighter(self.idle, other.idle),
            silence: tighter(self.silence, other.silence),
            max_tokens: tighter(self.max_tokens, other.max_tokens),
            max_tool_calls: tighter(self.max_tool_calls, other.max_tool_calls),
        }
    }
}

fn tighter<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_switches_a_limit_off_and_what_is_absent_stays() {
        let limits = Limits::default().changed_by(r#"{"timeoutMs":5,"idleTimeoutMs":0,"maxTokens":7}"#).unwrap();
        assert_eq!(limits.timeout, Some(Duration::from_millis(5)));
        assert_eq!(limits.idle, None);
        assert_eq!(limits.silence, Limits::default().silence);
        assert_eq!(limits.max_tokens, Some(7));
    }

    #[test]
    fn what_is_not_a_limit_is_refused_by_name() {
        for json in [r#"{"timeout":5}"#, r#"{"timeoutMs":-1}"#, r#"{"timeoutMs":"5"}"#, "[]", "5"] {
            let error = Limits::default().changed_by(json).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains(json), "{}", error.message());
        }
    }

    #[test]
    fn a_joined_turn_obeys_the_tighter_limits() {
        let a = Limits { timeout: None, max_tokens: Some(5), ..Limits::default() };
        let b = Limits { timeout: Some(Duration::from_secs(1)), max_tokens: Some(9), ..Limits::default() };
        let both = a.tightened_by(b);
        assert_eq!((both.timeout, both.max_tokens), (Some(Duration::from_secs(1)), Some(5)));
    }
}

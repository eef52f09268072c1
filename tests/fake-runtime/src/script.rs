use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::Action;

/// What a fake runtime does. The crate documentation describes the JSON form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Script {
    /// Played before anything is read.
    pub start: Vec<Action>,
    /// Played instead of the built-in behaviour, by method.
    pub on: BTreeMap<String, Calls>,
    /// Played when the client has answered a request of the script, by the method of that request.
    pub answers: BTreeMap<String, Calls>,
    /// The user agent that `initialize` answers with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Goes on after the end of stdin.
    pub ignore_eof: bool,
    /// Goes on after SIGTERM.
    pub ignore_term: bool,
}

/// The actions of a method: one list for every call, or one list per call of which the last repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Value>", into = "Vec<Value>")]
pub struct Calls(Vec<Vec<Action>>);

impl Calls {
    /// The lists in the order of the calls; there is at least one.
    pub fn lists(&self) -> &[Vec<Action>] {
        &self.0
    }
}

impl TryFrom<Vec<Value>> for Calls {
    type Error = serde_json::Error;

    fn try_from(list: Vec<Value>) -> Result<Self, Self::Error> {
        let per_call = list.first().is_some_and(Value::is_array);
        let value = Value::Array(list);
        let lists = if per_call { serde_json::from_value(value)? } else { vec![serde_json::from_value(value)?] };
        Ok(Self(lists))
    }
}

impl From<Calls> for Vec<Value> {
    fn from(calls: Calls) -> Self {
        calls.0.into_iter().map(|actions| serde_json::to_value(actions).expect("actions are plain JSON data")).collect()
    }
}

impl Script {
    /// A script that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plays `actions` before anything is read.
    #[must_use]
    pub fn start(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.start = actions.into_iter().collect();
        self
    }

    /// Plays `actions` for every request or notification `method`.
    #[must_use]
    pub fn on(mut self, method: impl Into<String>, actions: impl IntoIterator<Item = Action>) -> Self {
        let calls = Calls(vec![actions.into_iter().collect()]);
        self.on.insert(method.into(), calls);
        self
    }

    /// Adds the actions of one more call of `method`; the last added ones repeat.
    #[must_use]
    pub fn then_on(mut self, method: impl Into<String>, actions: impl IntoIterator<Item = Action>) -> Self {
        let calls = self.on.entry(method.into()).or_insert(Calls(Vec::new()));
        calls.0.push(actions.into_iter().collect());
        self
    }

    /// Plays `actions` when the client has answered a request `method` of this script.
    #[must_use]
    pub fn on_answer(mut self, method: impl Into<String>, actions: impl IntoIterator<Item = Action>) -> Self {
        let calls = Calls(vec![actions.into_iter().collect()]);
        self.answers.insert(method.into(), calls);
        self
    }

    /// Answers `initialize` with this user agent.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Goes on after the end of stdin.
    #[must_use]
    pub fn ignore_eof(mut self) -> Self {
        self.ignore_eof = true;
        self
    }

    /// Goes on after SIGTERM.
    #[must_use]
    pub fn ignore_term(mut self) -> Self {
        self.ignore_term = true;
        self
    }

    /// The script as JSON, fit for `FAKE_RUNTIME_SCRIPT` or for the file that it names.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a script is plain JSON data")
    }

    /// Reads a script from JSON text.
    ///
    /// # Errors
    /// A sentence that names what is wrong with the text.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let script: Self = serde_json::from_str(text).map_err(|error| format!("The script is not valid: {error}."))?;
        script.check()?;
        Ok(script)
    }

    /// Reads a script from the value of `FAKE_RUNTIME_SCRIPT`: inline JSON, or else a file name.
    ///
    /// # Errors
    /// A sentence that names the file that cannot be read, or what is wrong with the text.
    pub fn from_setting(setting: &str) -> Result<Self, String> {
        if setting.trim_start().starts_with('{') {
            return Self::from_json(setting);
        }
        let text = fs::read_to_string(setting)
            .map_err(|error| format!("The script \"{setting}\" cannot be read: {error}."))?;
        Self::from_json(&text)
    }

    fn check(&self) -> Result<(), String> {
        check_start(&self.start)?;
        let lists = self.on.values().chain(self.answers.values());
        let lists = lists.flat_map(Calls::lists).chain([&self.start]);
        lists.into_iter().try_for_each(|actions| check_finishes(actions))
    }
}

fn check_start(actions: &[Action]) -> Result<(), String> {
    for action in actions {
        match action {
            Action::WaitAnswer(_) | Action::WaitFor(_) | Action::WaitEof(_) => {
                return Err(format!(
                    "The action {} cannot be in \"start\", because nothing is read before it ends; put it into \"inBackground\".",
                    name(action)
                ));
            }
            Action::InBackground(inner) => check_needs_no_request(inner)?,
            other => check_needs_no_request(std::slice::from_ref(other))?,
        }
    }
    Ok(())
}

fn check_needs_no_request(actions: &[Action]) -> Result<(), String> {
    for action in actions {
        match action {
            Action::Reply(_) | Action::Error(_) | Action::Turn(_) | Action::Builtin(_) => {
                return Err(format!(
                    "The action {} cannot be in \"start\", because there is no request to answer; put it into \"on\".",
                    name(action)
                ));
            }
            Action::InBackground(inner) => check_needs_no_request(inner)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_finishes(actions: &[Action]) -> Result<(), String> {
    for action in actions {
        match action {
            Action::FinishTurn(finish) if finish.with.hold => {
                return Err("The action \"finishTurn\" has \"hold\", but it ends the turn; remove \"hold\".".to_owned());
            }
            Action::InBackground(inner) => check_finishes(inner)?,
            _ => {}
        }
    }
    Ok(())
}

fn name(action: &Action) -> String {
    let value = serde_json::to_value(action).expect("an action is plain JSON data");
    let key = value.as_object().and_then(|object| object.keys().next());
    format!("{:?}", key.map_or("", String::as_str))
}

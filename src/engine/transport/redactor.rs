//! What of a message may be shown: a trace and a recording have no secrets in them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::Direction;
use crate::engine::json::{REMOVED, member, members, quote, spliced, string, unescape_str, without_secrets};

/// The request whose answers may be secrets of the user.
const QUESTIONS: &str = "item/tool/requestUserInput";

/// A shorter secret is not looked for in what follows: it is part of many words that are none.
const SHORTEST_KNOWN: usize = 6;

/// Stands in the place of what a person answered.
const HIDDEN_ANSWER: &str = r#"{"answers":["[removed]"]}"#;

/// Removes secrets from the messages of one connection.
///
/// Some are known by their names or their looks. What a person answers to a question that says `isSecret` is known by the
/// question, and from then on by itself, should the runtime repeat it.
#[derive(Default)]
pub(super) struct Redactor {
    /// The secret questions that are open, by the id of their request.
    asked: HashMap<String, Vec<String>>,
    /// Secrets that were told, as they stand in JSON, the longest first.
    told: Vec<String>,
}

#[derive(Deserialize)]
struct Questions {
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    #[serde(default, rename = "isSecret")]
    is_secret: bool,
}

impl Redactor {
    /// The message without secrets.
    pub(super) fn clean(&mut self, direction: Direction, message: &str) -> String {
        if direction == Direction::Received {
            self.hear(message);
        }
        let answer = if direction == Direction::Sent { self.without_answers(message) } else { None };
        let mut clean = without_secrets(answer.as_deref().unwrap_or(message));
        for secret in self.told.iter().filter(|secret| message.contains(secret.as_str())) {
            clean = clean.replace(secret.as_str(), REMOVED);
        }
        clean
    }

    /// Takes note of the secret questions in a message of the runtime.
    pub(super) fn hear(&mut self, message: &str) {
        if !message.contains(QUESTIONS) || method_of(message).as_deref() != Some(QUESTIONS) {
            return;
        }
        let (Some(id), Some(params)) = (member(message, "id"), member(message, "params")) else { return };
        let Ok(Questions { questions }) = serde_json::from_str(params) else { return };
        let secret: Vec<String> = questions.into_iter().filter(|it| it.is_secret).map(|it| it.id).collect();
        if !secret.is_empty() {
            self.asked.insert(id.to_owned(), secret);
        }
    }

    /// An answer without what it says to secret questions, which is known from then on.
    fn without_answers(&mut self, message: &str) -> Option<String> {
        if self.asked.is_empty() || method_of(message).is_some() {
            return None;
        }
        let questions = self.asked.remove(member(message, "id")?)?;
        let mut clean = message.to_owned();
        for question in questions {
            let Some(answer) = answer_to(&question, &clean) else { continue };
            self.remember(answer);
            clean = spliced(&clean, answer, HIDDEN_ANSWER);
        }
        Some(clean)
    }

    fn remember(&mut self, answer: &str) {
        let told = strings_of(answer).into_iter().filter(|secret| secret.len() >= SHORTEST_KNOWN);
        let inside = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
        self.told.extend(told.map(|secret| inside(quote(&secret))));
        self.told.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

fn answer_to<'a>(question: &str, message: &'a str) -> Option<&'a str> {
    let answers = member(member(message, "result")?, "answers")?;
    members(answers)?.find(|answer| unescape_str(answer.key) == question).map(|answer| answer.value)
}

fn method_of(message: &str) -> Option<String> {
    member(message, "method").and_then(string)
}

/// What a person answered: all strings in it.
fn strings_of(json: &str) -> Vec<String> {
    fn collect(value: Value, strings: &mut Vec<String>) {
        match value {
            Value::String(string) => strings.push(string),
            Value::Array(values) => values.into_iter().for_each(|value| collect(value, strings)),
            Value::Object(members) => members.into_iter().for_each(|(_, value)| collect(value, strings)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut strings = Vec::new();
    collect(serde_json::from_str(json).unwrap_or_default(), &mut strings);
    strings
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = r#"{"method":"item/tool/requestUserInput","id":3,"params":{"questions":[
        {"id":"pin","question":"?","isSecret":true},{"id":"colour","question":"?","isSecret":false}]}}"#;

    fn asked() -> Redactor {
        let mut redactor = Redactor::default();
        assert_eq!(redactor.clean(Direction::Received, ASKED), ASKED);
        redactor
    }

    #[test]
    fn what_is_answered_to_a_secret_question_is_removed_and_the_rest_stays() {
        let answer = r#"{"id":3,"result":{"answers":{"pin":{"answers":["12"]},"colour":{"answers":["red"]}}}}"#;
        let clean = r#"{"id":3,"result":{"answers":{"pin":{"answers":["[removed]"]},"colour":{"answers":["red"]}}}}"#;
        assert_eq!(asked().clean(Direction::Sent, answer), clean);
    }

    #[test]
    fn an_answer_to_another_request_and_a_call_of_the_same_id_stay_as_they_are() {
        for message in [
            r#"{"id":4,"result":{"answers":{"pin":{"answers":["12"]}}}}"#,
            r#"{"id":3,"method":"m","params":{"answers":{"pin":{"answers":["12"]}}}}"#,
            r#"{"id":3,"error":{"code":1,"message":"no"}}"#,
        ] {
            assert_eq!(asked().clean(Direction::Sent, message), message);
        }
    }

    #[test]
    fn a_secret_that_the_runtime_repeats_is_removed_too() {
        let mut redactor = asked();
        let answer = r#"{"id":3,"result":{"answers":{"pin":{"answers":["open \"sesame\"","open"]}}}}"#;
        redactor.clean(Direction::Sent, answer);
        let repeated = r#"{"method":"m","params":{"text":"he said open \"sesame\" to open it"}}"#;
        let clean = r#"{"method":"m","params":{"text":"he said [removed] to open it"}}"#;
        assert_eq!(redactor.clean(Direction::Received, repeated), clean);
    }

    #[test]
    fn questions_of_an_unexpected_shape_do_no_harm() {
        let mut redactor = Redactor::default();
        for params in ["{}", r#"{"questions":7}"#, r#"{"questions":[{"isSecret":true}]}"#, "[]"] {
            let message = format!(r#"{{"method":"item/tool/requestUserInput","id":3,"params":{params}}}"#);
            assert_eq!(redactor.clean(Direction::Received, &message), message);
        }
        assert_eq!(redactor.clean(Direction::Sent, r#"{"id":3,"result":{}}"#), r#"{"id":3,"result":{}}"#);
    }
}

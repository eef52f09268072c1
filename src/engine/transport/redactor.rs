//! What of a message may be shown: a trace and a recording have no secrets in them.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::Direction;
use crate::engine::json::{
    REMOVED, member, members, quote, spliced, string, unescape_str, without_secrets, without_secrets_telling,
};

/// The request whose answers may be secrets of the user.
const QUESTIONS: &str = "item/tool/requestUserInput";

/// A shorter secret is not looked for in what follows: it is part of many words that are none.
const SHORTEST_KNOWN: usize = 6;

/// Stands in the place of what a person answered.
const HIDDEN_ANSWER: &str = r#"{"answers":["[removed]"]}"#;

/// Removes secrets from the messages of one connection.
///
/// Some are known by their names or their looks. What a person answers to a question that says `isSecret` is known by the
/// question. What the host tells, in its options or in a member that is called like a secret, is known from then on by itself,
/// should the runtime repeat it.
#[derive(Clone, Default)]
pub struct Redactor {
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
    /// One that knows these secrets.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut redactor = Self::default();
        secrets.into_iter().for_each(|secret| redactor.remember(secret));
        redactor
    }

    /// The message without secrets.
    pub(super) fn clean(&mut self, direction: Direction, message: &str) -> String {
        let clean = match direction {
            Direction::Sent => {
                let answer = self.without_answers(message);
                without_secrets_telling(answer.as_deref().unwrap_or(message), |value| self.remember_all(value))
            }
            Direction::Received => {
                self.hear(message);
                without_secrets(message)
            }
        };
        self.without_told(clean)
    }

    /// What is no message, without secrets.
    pub fn clean_text(&self, text: &str) -> String {
        self.without_told(without_secrets(text))
    }

    fn without_told(&self, mut clean: String) -> String {
        for secret in &self.told {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), REMOVED);
            }
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
            self.remember_all(answer);
            clean = spliced(&clean, answer, HIDDEN_ANSWER);
        }
        Some(clean)
    }

    /// Takes note of all strings in this JSON.
    fn remember_all(&mut self, json: &str) {
        strings_of(json).iter().for_each(|secret| self.remember(secret));
    }

    fn remember(&mut self, secret: &str) {
        let quoted = quote(secret);
        let inside = &quoted[1..quoted.len() - 1];
        if secret.len() < SHORTEST_KNOWN || secret == REMOVED || self.told.iter().any(|told| told == inside) {
            return;
        }
        self.told.push(inside.to_owned());
        self.told.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

impl fmt::Debug for Redactor {
    /// Without what it knows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

fn answer_to<'a>(question: &str, message: &'a str) -> Option<&'a str> {
    let answers = member(member(message, "result")?, "answers")?;
    members(answers)?.find(|answer| unescape_str(answer.key) == question).map(|answer| answer.value)
}

fn method_of(message: &str) -> Option<String> {
    member(message, "method").and_then(string)
}

/// All strings in this JSON.
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
    fn what_the_host_told_is_removed_where_the_runtime_repeats_it() {
        let mut redactor = Redactor::of(["of the options", "short"]);
        let login = r#"{"id":1,"method":"account/login/start","params":{"type":"apiKey","apiKey":"of a login"}}"#;
        redactor.clean(Direction::Sent, login);
        let repeated = r#"{"method":"m","params":{"text":"of the options, of a login, short"}}"#;
        let clean = r#"{"method":"m","params":{"text":"[removed], [removed], short"}}"#;
        assert_eq!(redactor.clean(Direction::Received, repeated), clean);
        assert_eq!(redactor.clean_text("died with of a login"), "died with [removed]");
    }

    #[test]
    fn what_the_runtime_calls_a_secret_is_not_looked_for_elsewhere() {
        let mut redactor = Redactor::default();
        redactor.clean(Direction::Received, r#"{"method":"m","params":{"authUrl":"of the runtime"}}"#);
        assert_eq!(redactor.clean_text("of the runtime"), "of the runtime");
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

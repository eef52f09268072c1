//! The requests that the model received.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::watched::Watched;

/// The path of the requests that ask for a response.
pub(crate) const RESPONSES: &str = "/v1/responses";

const LONGEST_TOPIC: usize = 80;

/// A request as it arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// What the runtime tells the model about the outcome of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionOutput {
    /// The id of the call that this answers.
    pub call_id: String,
    /// A string, or an array of content parts.
    pub output: Value,
}

impl FunctionOutput {
    /// The output as text: the string, or the texts of its content parts, one after the other.
    pub fn text(&self) -> String {
        match &self.output {
            Value::String(text) => text.clone(),
            parts => texts_of(parts).concat(),
        }
    }
}

impl Request {
    /// The HTTP method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path without the query, such as `/v1/responses`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a header, whatever the case of its name; values of a repeated header are joined with `, `.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The body as JSON; null when it is not JSON.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The items of the conversation, oldest first.
    pub fn input(&self) -> &[Value] {
        self.body["input"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The texts of all user messages, oldest first. The runtime's own notes on the environment are among them.
    pub fn user_texts(&self) -> Vec<String> {
        self.user_messages().flat_map(texts_of_message).collect()
    }

    /// The texts of the last user message, joined by line breaks.
    pub fn last_user_text(&self) -> String {
        let texts = self.user_messages().last().map(texts_of_message);
        texts.unwrap_or_default().join("\n")
    }

    /// The URLs of all images in the user messages, oldest first.
    pub fn image_urls(&self) -> Vec<String> {
        self.user_messages().flat_map(|message| strings(&message["content"], "image_url")).collect()
    }

    /// The outputs of all calls, of functions and of custom tools, oldest first.
    pub fn function_outputs(&self) -> Vec<FunctionOutput> {
        self.input()
            .iter()
            .filter(|item| is_call_output(item))
            .map(|item| FunctionOutput {
                call_id: item["call_id"].as_str().unwrap_or_default().to_owned(),
                output: item["output"].clone(),
            })
            .collect()
    }

    /// The start of the last user message, short enough to be quoted to a person.
    pub(crate) fn topic(&self) -> String {
        let text = self.last_user_text();
        let line = text.lines().next().unwrap_or_default();
        match line.char_indices().nth(LONGEST_TOPIC) {
            Some((end, _)) => format!("{}\u{2026}", &line[..end]),
            None => line.to_owned(),
        }
    }

    pub(crate) fn continues_after_a_call(&self) -> bool {
        self.input().last().is_some_and(is_call_output)
    }

    pub(crate) fn asks_for_a_response(&self) -> bool {
        self.method == "POST" && self.path == RESPONSES
    }

    fn user_messages(&self) -> impl Iterator<Item = &Value> {
        self.input().iter().filter(|item| item["type"] == "message" && item["role"] == "user")
    }
}

fn is_call_output(item: &Value) -> bool {
    item["type"] == "function_call_output" || item["type"] == "custom_tool_call_output"
}

fn texts_of_message(message: &Value) -> Vec<String> {
    texts_of(&message["content"])
}

fn texts_of(parts: &Value) -> Vec<String> {
    strings(parts, "text")
}

fn strings(parts: &Value, key: &str) -> Vec<String> {
    let parts = parts.as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter_map(|part| part[key].as_str()).map(str::to_owned).collect()
}

#[derive(Debug, Default)]
pub(crate) struct Record(Watched<Vec<Request>>);

impl Record {
    /// Keeps the request; the answer is how many requests for a response there are now.
    pub(crate) fn add(&self, request: Request) -> usize {
        self.0.update(|requests| {
            requests.push(request);
            count_turn_requests(requests)
        })
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.0.read(Vec::clone)
    }

    pub(crate) fn turn_requests(&self) -> Vec<Request> {
        let mut requests = self.all();
        requests.retain(Request::asks_for_a_response);
        requests
    }

    pub(crate) fn wait(&self, count: usize, timeout: Duration) -> bool {
        self.0.wait(timeout, |requests| count_turn_requests(requests) >= count)
    }
}

fn count_turn_requests(requests: &[Request]) -> usize {
    requests.iter().filter(|request| request.asks_for_a_response()).count()
}

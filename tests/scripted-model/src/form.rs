//! How a response is written as JSON.

use std::collections::BTreeMap;

use hyper::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::response::{End, HttpAnswer, Response, Script, Start, Usage, checked_header};
use crate::step::{Message, Step, Yes};

/// The responses in a JSON text that holds one of them or an array of them.
pub fn parse(json: &[u8]) -> Result<Vec<Response>, serde_json::Error> {
    match serde_json::from_slice(json)? {
        Value::Array(responses) => responses.into_iter().map(serde_json::from_value).collect(),
        response => serde_json::from_value(response).map(|response| vec![response]),
    }
}

/// A response as it is written in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    #[serde(rename = "for")]
    needle: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    hang: Option<Yes>,
    http: Option<HttpAnswer>,
    text: Option<Value>,
    output: Option<Vec<Step>>,
    usage: Option<Usage>,
    end: Option<End>,
}

impl Form {
    fn streams(&self) -> bool {
        self.text.is_some() || self.output.is_some() || self.usage.is_some() || self.end.is_some()
    }

    fn start(&self) -> Result<Start, String> {
        match (&self.hang, &self.http, self.streams()) {
            (Some(Yes), None, false) => Ok(Start::Hang),
            (None, Some(http), false) => Ok(Start::Http(http.clone())),
            (None, None, true) => Ok(Start::Stream),
            (None, None, false) => {
                Err("A response needs one of \"text\", \"output\", \"usage\", \"end\", \"http\" and \"hang\"."
                    .to_owned())
            }
            _ => Err(
                "A response is either \"http\" or \"hang\" or a stream (\"text\", \"output\", \"usage\", \"end\"): \
                 queue several responses instead of one with both."
                    .to_owned(),
            ),
        }
    }

    fn headers(&self) -> Result<HeaderMap, String> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| checked_header(name, value)).collect()
    }

    fn steps(&mut self) -> Result<Vec<Step>, serde_json::Error> {
        let mut steps = self.output.take().unwrap_or_default();
        if let Some(text) = self.text.take() {
            let message: Message = serde_json::from_value(json!({"text": text, "phase": "final_answer"}))?;
            steps.push(Step::Message(message));
        }
        Ok(steps)
    }
}

impl TryFrom<Form> for Response {
    type Error = String;

    fn try_from(mut form: Form) -> Result<Self, String> {
        Ok(Self {
            start: form.start()?,
            headers: form.headers()?,
            script: Script {
                steps: form.steps().map_err(|error| error.to_string())?,
                usage: form.usage.unwrap_or_default(),
                end: form.end.unwrap_or_default(),
            },
            needle: form.needle,
        })
    }
}

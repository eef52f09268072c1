//! HTTP answers.

use std::fmt::Display;

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::play::Stream;
use crate::response::HttpAnswer;

pub(crate) type Answer = Response<Either<Full<Bytes>, Stream>>;

pub(crate) fn stream(stream: Stream) -> Answer {
    with_type("text/event-stream", Either::Right(stream))
}

pub(crate) fn json(value: &Value) -> Answer {
    with_type("application/json", full(value.to_string()))
}

/// An error that a person reads.
pub(crate) fn refusal(status: StatusCode, message: impl Display) -> Answer {
    with_status(status, json(&json!({"error": {"message": message.to_string()}})))
}

pub(crate) fn scripted(answer: &HttpAnswer) -> Answer {
    let content = match &answer.body {
        Value::String(text) => with_type("text/plain", full(text.clone())),
        value => json(value),
    };
    with_status(answer.status, content)
}

fn with_status(status: StatusCode, mut answer: Answer) -> Answer {
    *answer.status_mut() = status;
    answer
}

fn with_type(content_type: &'static str, body: Either<Full<Bytes>, Stream>) -> Answer {
    let mut answer = Response::new(body);
    let value = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(CONTENT_TYPE, value);
    answer
}

fn full(text: String) -> Either<Full<Bytes>, Stream> {
    Either::Left(Full::new(text.into()))
}

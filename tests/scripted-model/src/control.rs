//! What programs in other languages do over HTTP.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::form;
use crate::server::Shared;

const DEFAULT_TIMEOUT_MS: u64 = 30_000;

pub(crate) async fn answer(shared: &Shared, method: &Method, action: &str, query: &str, body: &Bytes) -> Answer {
    match (method, action.split_once('/').unwrap_or((action, ""))) {
        (&Method::POST, ("queue", "")) => queue(shared, body),
        (&Method::GET, ("requests", "")) => answer::json(&json!(shared.record.all())),
        (&Method::POST, ("gates", name)) => release(shared, name),
        (&Method::GET, ("gates", name)) => until_reached(shared, name, query).await,
        _ => answer::refusal(
            StatusCode::NOT_FOUND,
            format!(
                "There is no {method} /control/{action}: there are POST /control/queue, GET /control/requests, \
                 POST /control/gates/NAME and GET /control/gates/NAME?timeoutMs=N."
            ),
        ),
    }
}

fn queue(shared: &Shared, body: &[u8]) -> Answer {
    match form::parse(body) {
        Ok(responses) => {
            let queued = responses.len();
            shared.with_queue(|queue| responses.into_iter().for_each(|response| queue.push(response)));
            answer::json(&json!({"queued": queued}))
        }
        Err(error) => answer::refusal(
            StatusCode::BAD_REQUEST,
            format!("The body is no response and no array of responses: {error}"),
        ),
    }
}

fn release(shared: &Shared, name: &str) -> Answer {
    shared.gates.release(name);
    answer::json(&json!({"released": name}))
}

async fn until_reached(shared: &Shared, name: &str, query: &str) -> Answer {
    let Ok(time) = timeout_ms(query) else {
        return answer::refusal(
            StatusCode::BAD_REQUEST,
            format!("The query {query:?} is not understood: write ?timeoutMs=N with a number of milliseconds."),
        );
    };
    match timeout(Duration::from_millis(time), shared.gates.until_reached(name)).await {
        Ok(()) => answer::json(&json!({"reached": name})),
        Err(_) => answer::refusal(
            StatusCode::REQUEST_TIMEOUT,
            format!("No response reached the gate {name:?} within {time} ms."),
        ),
    }
}

fn timeout_ms(query: &str) -> Result<u64, std::num::ParseIntError> {
    match query.strip_prefix("timeoutMs=") {
        Some(number) => number.parse(),
        None if query.is_empty() => Ok(DEFAULT_TIMEOUT_MS),
        None => query.parse(),
    }
}

//! From the runtime's words to one stable word.
//!
//! The runtime answers nearly everything with -32600, so the code alone says nothing: the cause is in the message, and for a
//! few in the data.

use serde::Deserialize;

use super::error::{Error, Status};
use super::method;
use super::rpc::{OVERLOADED, RpcError};

const METHOD_NOT_FOUND: i64 = -32601;
const INTERNAL: i64 = -32603;

enum Shape {
    Starts(&'static str),
    Holds(&'static str),
}

use Shape::{Holds, Starts};

/// In this order, the first that fits.
const REASONS: &[(Shape, &str)] = &[
    (Starts("Not initialized"), "notInitialized"),
    (Starts("Already initialized"), "alreadyInitialized"),
    (Starts("Invalid clientInfo.name"), "invalidClientInfo"),
    (Holds("requires experimentalApi capability"), "experimentalRequired"),
    (Holds("expected one of `initialize`"), "unknownMethod"),
    (Starts("Invalid request:"), "invalidParams"),
    (Starts("thread not found"), "threadNotFound"),
    (Starts("no rollout found"), "threadNotFound"),
    (Starts("no archived rollout found"), "threadNotArchived"),
    (Starts("thread not loaded"), "threadNotLoaded"),
    (Starts("invalid thread id"), "invalidThreadId"),
    (Starts("invalid session id"), "invalidThreadId"),
    (Starts("no active turn"), "noActiveTurn"),
    (Starts("expected active turn id"), "turnMismatch"),
    (Holds("already has an active writer"), "activeWriter"),
    (Holds("is archived"), "threadArchived"),
    (Starts("ephemeral thread"), "threadEphemeral"),
    (Starts("goal objective"), "objectiveInvalid"),
    (Starts("goals feature is disabled"), "goalsDisabled"),
    (Starts("thread is not persisted"), "threadEphemeral"),
    (Starts("input must not be empty"), "inputEmpty"),
    (Holds("must not be empty"), "invalidParams"),
    (Holds("ActiveTurnNotSteerable"), "activeTurnNotSteerable"),
    (Starts("cannot steer a"), "activeTurnNotSteerable"),
    (Starts("Input exceeds the maximum length"), "inputTooLarge"),
    (Starts("remote image URLs are not supported"), "remoteImageUnsupported"),
    (Starts("failed to load configuration"), "configInvalid"),
    (Holds("authentication required"), "unauthorized"),
    (Holds("is not supported yet"), "notSupported"),
];

/// The error that a call of `method` was answered with.
pub fn rpc_error(method: &str, error: &RpcError<'_>) -> Error {
    let reason = rpc_reason(error);
    let status = match reason {
        "overloaded" => Status::Overloaded,
        "unauthorized" => Status::Auth,
        _ => Status::Rpc,
    };
    let said = said(reason, &error.message);
    let made = Error::new(status, format!("{method} was refused by the runtime: {said}{}", advice(method, reason)))
        .with_reason(reason)
        .with_rpc_code(error.code)
        .with_data(error.data);
    if error.is_retryable() { made.retryable() } else { made }
}

fn rpc_reason(error: &RpcError<'_>) -> &'static str {
    let fits = |shape: &Shape| match shape {
        Starts(text) => error.message.starts_with(text),
        Holds(text) => error.message.contains(text),
    };
    let by_message = || REASONS.iter().find(|(shape, _)| fits(shape)).map(|(_, reason)| *reason);
    match error.code {
        OVERLOADED => "overloaded",
        METHOD_NOT_FOUND => by_message().unwrap_or("unknownMethod"),
        INTERNAL => by_message().unwrap_or("internal"),
        _ => by_message().unwrap_or(""),
    }
}

/// Of an unknown method the runtime says what all of its methods are: hundreds.
fn said<'a>(reason: &str, message: &'a str) -> &'a str {
    match message.split_once(", expected one of ") {
        Some((what, _)) if reason == "unknownMethod" => what,
        _ => message,
    }
}

fn advice(method: &str, reason: &str) -> &'static str {
    match reason {
        "overloaded" => " Give the call more time, or start fewer at once.",
        "experimentalRequired" => ". Enable the experimental API in the client's options.",
        "unknownMethod" => ". Check its name, and whether this version of the runtime has it.",
        "threadNotFound" if matches!(method, method::THREAD_RESUME | method::THREAD_FORK) => {
            ". Check its id, and the home directory of the runtime: threads are stored there, with their first turn."
        }
        "threadNotFound" => ". Resume the thread first, or check its id.",
        "invalidThreadId" => ". Pass the id as the runtime gave it.",
        "threadNotLoaded" => ". Resume the thread first.",
        "threadNotArchived" => ". It is not archived, or there is no such thread.",
        "activeTurnNotSteerable" => ". A review or a compaction runs on the thread; wait for its end.",
        "activeWriter" => ". Another process has this thread open; close it there, or fork the thread.",
        "unauthorized" => ". Log in first.",
        _ => "",
    }
}

/// The error of a failed turn, from the `error` object of `turn/completed`.
pub fn turn_error(error_json: Option<&str>) -> Error {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        #[serde(default)]
        message: Option<String>,
        #[serde(borrow, default)]
        codex_error_info: Option<&'a serde_json::value::RawValue>,
        #[serde(default)]
        additional_details: Option<String>,
    }
    let wire: Wire<'_> = error_json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let message = wire.message.filter(|message| !message.is_empty());
    let mut text = message.unwrap_or_else(|| "the turn failed and the runtime gave no reason".into());
    if let Some(details) = wire.additional_details.filter(|details| !details.is_empty()) {
        text.push_str(&format!(" ({details})"));
    }
    let info = wire.codex_error_info.map(|raw| raw.get()).filter(|raw| *raw != "null");
    let reason = info.map(turn_reason).unwrap_or_default();
    let retryable = is_transient(&reason);
    let error =
        Error::new(Status::TurnFailed, text).with_reason(reason).with_codex_error_info(info).with_data(error_json);
    if retryable { error.retryable() } else { error }
}

/// `codexErrorInfo` is either a string or an object with one key; an HTTP 401 or 403 means a missing login.
fn turn_reason(info: &str) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(info) else { return String::new() };
    if let Some(word) = value.as_str() {
        return word.to_owned();
    }
    let Some((key, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return String::new() };
    match inner.get("httpStatusCode").and_then(serde_json::Value::as_i64) {
        Some(401 | 403) => "unauthorized".to_owned(),
        _ => key.clone(),
    }
}

/// What passes by itself. `responseTooManyFailedAttempts` is not among them: the runtime has tried again already, as often as
/// it is configured to.
fn is_transient(reason: &str) -> bool {
    const TRANSIENT: &[&str] = &[
        "serverOverloaded",
        "rateLimitExceeded",
        "internalServerError",
        "httpConnectionFailed",
        "responseStreamConnectionFailed",
        "responseStreamDisconnected",
    ];
    TRANSIENT.contains(&reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn reason(code: i64, message: &str) -> String {
        let error = RpcError { code, message: Cow::Borrowed(message), data: None };
        rpc_error("m", &error).reason().to_owned()
    }

    #[test]
    fn the_texts_of_the_runtime_become_stable_words() {
        for (message, word) in [
            ("Invalid request: unknown variant `x`, expected one of `initialize`, `y`", "unknownMethod"),
            (
                "Invalid request: unknown variant `banana`, expected one of `read-only`, `workspace-write`",
                "invalidParams",
            ),
            ("Invalid request: missing field `threadId`", "invalidParams"),
            ("thread/start.dynamicTools requires experimentalApi capability", "experimentalRequired"),
            ("thread not found: 01a2", "threadNotFound"),
            ("no rollout found for thread id 01a2", "threadNotFound"),
            ("thread not loaded: 01a2", "threadNotLoaded"),
            ("invalid thread id: invalid length", "invalidThreadId"),
            ("invalid session id: invalid length", "invalidThreadId"),
            ("no active turn to steer", "noActiveTurn"),
            ("expected active turn id `nope` but found `01a2`", "turnMismatch"),
            ("expected active turn id wrong but found 01a2", "turnMismatch"),
            ("no archived rollout found for thread id 01a2", "threadNotArchived"),
            ("input must not be empty", "inputEmpty"),
            ("branch must not be empty", "invalidParams"),
            ("cannot steer a review turn", "activeTurnNotSteerable"),
            ("failed to submit turn input: ActiveTurnNotSteerable { turn_kind: Compact }", "activeTurnNotSteerable"),
            ("thread 01a2 already has an active writer", "activeWriter"),
            ("session 01a2 is archived. Run `codex unarchive 01a2`", "threadArchived"),
            ("something new", ""),
        ] {
            assert_eq!(reason(-32600, message), word, "{message}");
        }
        assert_eq!(reason(-32001, "Server overloaded; retry later."), "overloaded");
        assert_eq!(reason(-32603, "No such file or directory (os error 2)"), "internal");
    }

    #[test]
    fn the_message_about_an_unknown_method_does_not_name_all_others() {
        let message = Cow::Borrowed("Invalid request: unknown variant `a/b`, expected one of `initialize`, `c/d`");
        let error = rpc_error("a/b", &RpcError { code: -32600, message, data: None });
        assert!(error.message().contains("unknown variant `a/b`. Check its name"), "{}", error.message());
        assert!(!error.message().contains("c/d"), "{}", error.message());
    }

    #[test]
    fn the_advice_about_a_missing_thread_is_one_that_can_be_followed() {
        let advice = |method| {
            let message = Cow::Borrowed("no rollout found for thread id 01a2");
            rpc_error(method, &RpcError { code: -32600, message, data: None }).message().to_owned()
        };
        assert!(advice("turn/start").contains("Resume the thread first"));
        for method in ["thread/resume", "thread/fork"] {
            assert!(
                advice(method).contains("Check its id") && !advice(method).contains("Resume"),
                "{}",
                advice(method)
            );
        }
    }

    #[test]
    fn error_info_is_understood_as_a_string_and_as_an_object() {
        let word = turn_error(Some(r#"{"message":"m","codexErrorInfo":"usageLimitExceeded"}"#));
        assert_eq!((word.reason(), word.is_retryable()), ("usageLimitExceeded", false));
        let object = turn_error(Some(
            r#"{"message":"m","codexErrorInfo":{"responseStreamDisconnected":{"httpStatusCode":null}}}"#,
        ));
        assert_eq!((object.reason(), object.is_retryable()), ("responseStreamDisconnected", true));
        let login =
            turn_error(Some(r#"{"message":"m","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":401}}}"#));
        assert_eq!((login.reason(), login.is_retryable()), ("unauthorized", false));
        let used_up = turn_error(Some(
            r#"{"message":"m","codexErrorInfo":{"responseTooManyFailedAttempts":{"httpStatusCode":429}}}"#,
        ));
        assert_eq!((used_up.reason(), used_up.is_retryable()), ("responseTooManyFailedAttempts", false));
        assert_eq!(turn_error(None).status(), Status::TurnFailed);
    }
}

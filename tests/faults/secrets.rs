//! API keys and tokens reach the runtime, and nobody else: not the logs, the traces, the errors, nor `Debug`.

use std::path::PathBuf;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::client_options::ClientOptions;
use codex::engine::connection::Deadline;
use codex::engine::error::Status;
use codex::engine::params::Params;
use codex::engine::request::Answer;
use codex::engine::turn;
use fake_runtime::{Action, ErrorBody, Script, Turn};
use serde_json::json;

use crate::support::fake::{Fake, limited, play};
use crate::support::follow::{PATIENCE, eventually, next_of_client, parsed};
use crate::support::shown::Shown;

/// In a variable, in the configuration, in a login, in a fresh token, in what the runtime says.
const VARIABLE: &str = "hidden-in-a-variable";
const CONFIGURED: &str = "hidden-in-the-configuration";
const KEY: &str = "hidden-in-a-login";
const TOKEN: &str = "hidden-in-a-fresh-token";
const SAID: &str = "sk-hidden-in-what-the-runtime-says";
const SECRETS: [&str; 5] = [VARIABLE, CONFIGURED, KEY, TOKEN, SAID];

fn talks_too_much() -> Script {
    Script::new()
        .start([Action::stderr(format!("Authorization: Bearer {SAID}"))])
        .on("account/login/start", [Action::error(-32600, "not today")])
        .on("slow", [])
        .on("ask", [Action::request("r", "account/chatgptAuthTokens/refresh", json!({"reason": "unauthorized"}))])
        .on(
            "echo",
            [
                Action::raw(format!("{{\"apiKey\":\"{SAID}")),
                Action::raw(format!("Bearer {SAID}")),
                Action::raw(format!("{VARIABLE}, {CONFIGURED}")),
                Action::notify("future/event", json!({"text": format!("you said {}", SECRETS.join(" and "))})),
                Action::notify("account/updated", json!({"apiKey": SAID, "deep": [{"access_token": SAID}]})),
            ],
        )
        .on("crash", [Action::stderr(format!("panicked with OPENAI_API_KEY={SAID}")), Action::exit(3)])
}

fn options(fake: &Fake, shown: &Shown) -> ClientOptions {
    let mut options = fake.options();
    options.set_env("OPENAI_API_KEY", Some(VARIABLE)).unwrap();
    options.add_config(&format!("model_providers.x.experimental_bearer_token=\"{CONFIGURED}\"")).unwrap();
    options.record = Some(recording(fake));
    shown.watch(options)
}

fn recording(fake: &Fake) -> PathBuf {
    fake.root().join("recording")
}

/// Says every secret to the runtime, in calls that fail in every way.
fn say_everything(client: &Client, shown: &Shown) {
    let login = json!({"type": "apiKey", "apiKey": KEY}).to_string();
    for (method, timeout) in [("account/login/start", PATIENCE), ("slow", Duration::from_millis(50))] {
        shown.error(&client.call(method, Some(&login), Timeout::After(timeout)).unwrap_err());
    }
    shown.error(&client.call("m", Some(&format!("{{\"apiKey\":\"{KEY}\" oops")), Timeout::Default).unwrap_err());
    client.next_event(Deadline::Now).unwrap();
    client.notify("ask", None).unwrap();
    let request = std::iter::from_fn(|| next_of_client(client)).find_map(|event| event.take_request()).unwrap();
    let answer = Answer::Result(json!({"accessToken": TOKEN, "chatgptAccountId": "a"}).to_string());
    shown.debug(&request);
    shown.debug(&answer);
    request.answer(&answer).unwrap();
    client.notify("echo", None).unwrap();
}

#[test]
fn no_secret_is_ever_shown_and_every_one_arrives() {
    play(talks_too_much(), |fake| {
        let shown = Shown::default();
        let options = options(fake, &shown);
        let mut params = Params::new();
        params.set_string("apiKey", KEY).unwrap();
        let client = Client::connect(&options).unwrap();
        shown.debug(&options);
        shown.debug(&params);
        shown.debug(&client);
        say_everything(&client, &shown);
        let crash = client.call("crash", None, Timeout::After(PATIENCE)).unwrap_err();
        assert_eq!(crash.status(), Status::Transport);
        shown.error(&crash);
        client.close(PATIENCE).unwrap();
        shown.note(std::fs::read_to_string(recording(fake)).unwrap());
        for part in [
            "skipped a line",
            "account/login/start",
            "you said [removed] and [removed]",
            "Authorization: Bearer",
            "OPENAI_API_KEY=",
            "\"r\"",
        ] {
            eventually(part, || shown.contains(part));
        }
        assert_eq!(shown.leak(&SECRETS), None);
        let record = fake.record().join("\n");
        assert!(record.contains(KEY) && record.contains(TOKEN), "{record}");
    });
}

/// How a provider refuses a key: with the key in its words.
fn refusal() -> String {
    format!("Incorrect API key provided: {SAID} (Authorization: Bearer {SAID}), {VARIABLE}, {CONFIGURED}")
}

#[test]
fn an_answer_that_repeats_a_secret_is_an_error_without_it() {
    let data = json!({"apiKey": KEY, "status": 401, "said": refusal()});
    let error = ErrorBody { code: -32600, message: refusal(), data: Some(data) };
    play(Script::new().on("m", [Action::Error(error)]), |fake| {
        let shown = Shown::default();
        let client = Client::connect(&options(fake, &shown)).unwrap();
        let error = client.call("m", None, Timeout::After(PATIENCE)).unwrap_err();
        shown.error(&error);
        assert_eq!(shown.leak(&SECRETS), None);
        assert!(error.message().contains("Incorrect API key provided: [removed]"), "{error}");
        assert_eq!(parsed(&error.to_json())["data"]["status"], 401);
        client.close(PATIENCE).unwrap();
    });
}

#[test]
fn a_login_that_is_refused_with_the_key_is_an_error_without_it() {
    let refusal = Action::error(-32600, format!("{KEY} is no key"));
    play(Script::new().on("account/login/start", [refusal]), |fake| {
        let error = fake.client().login_api_key(KEY).unwrap_err();
        assert!(error.message().contains("[removed] is no key"), "{error}");
        assert!(!format!("{error:?} {}", error.to_json()).contains(KEY));
    });
}

#[test]
fn a_runtime_that_ends_with_a_secret_leaves_an_error_without_it() {
    let script = Script::new().on("crash", [Action::stderr(format!("{VARIABLE} is no key")), Action::exit(3)]);
    play(script, |fake| {
        let shown = Shown::default();
        let client = Client::connect(&options(fake, &shown)).unwrap();
        let error = client.call("crash", None, Timeout::After(PATIENCE)).unwrap_err();
        shown.error(&error);
        assert_eq!(shown.leak(&SECRETS), None);
        assert!(error.message().contains("[removed] is no key"), "{error}");
    });
}

#[test]
fn a_turn_that_fails_with_a_secret_is_an_error_and_a_result_without_it() {
    let error = json!({"message": refusal(), "additionalDetails": refusal(),
        "codexErrorInfo": {"other": {"apiKey": KEY, "httpStatusCode": null}}});
    play(Script::new().on("turn/start", [Action::turn(Turn { error: Some(error), ..Turn::default() })]), |fake| {
        let shown = Shown::default();
        let client = Client::connect(&options(fake, &shown)).unwrap();
        let (result, error) = turn::run(&limited(&client, json!({})), Some("hello"), None).unwrap();
        let result = result.expect("a result");
        shown.error(&error.expect("the turn fails"));
        shown.note(result.error_message().expect("a message").as_str());
        shown.note(parsed(result.json().as_str())["error"].to_string());
        shown.debug(&result);
        assert_eq!(shown.leak(&SECRETS), None);
        assert!(shown.contains("Incorrect API key provided: [removed]"));
        client.close(PATIENCE).unwrap();
    });
}

//! What goes over the wire.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use scripted_model::{Message, Response, ScriptedModel, parse_responses};
use serde_json::{Value, json};

use crate::client::{Answer, request, request_in_chunks};

const PATIENCE: Duration = Duration::from_secs(60);

fn ask(model: &ScriptedModel, user_text: &str) -> Answer {
    request(&model.url(), "POST", "/v1/responses", &question(user_text))
}

fn question(user_text: &str) -> String {
    let content = json!([{"type": "input_text", "text": user_text}]);
    json!({"input": [{"type": "message", "role": "user", "content": content}]}).to_string()
}

fn control(model: &ScriptedModel, method: &str, action: &str, body: &str) -> Answer {
    request(&model.url(), method, &format!("/control/{action}"), body)
}

fn events(answer: &Answer) -> Vec<Value> {
    let lines = answer.body.lines();
    lines.filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn event_types(answer: &Answer) -> Vec<String> {
    let events = events(answer).into_iter();
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_a_queued_response_the_answer_is_500_and_says_why() {
    let model = ScriptedModel::start();
    let answer = ask(&model, "anybody there?");
    assert_eq!(answer.status, 500);
    assert!(answer.error().contains("no response queued"), "{}", answer.body);
    assert!(answer.error().contains("anybody there?"), "{}", answer.body);
}

#[test]
fn a_long_text_is_quoted_only_in_part() {
    let model = ScriptedModel::start();
    let error = ask(&model, &"\u{e9}".repeat(5000)).error();
    assert!(error.contains("\u{e9}\u{2026}"), "{error}");
    assert!(error.len() < 500, "{error}");
}

#[test]
fn what_is_kept_for_a_text_goes_first_and_to_no_other_request() {
    let model = ScriptedModel::start();
    model.queue(Response::text(["first"]));
    model.queue_for("needle", Response::text(["kept"]));
    model.answer_with(|request| Response::text([request.last_user_text()]));
    assert!(ask(&model, "a needle here").body.contains("kept"));
    assert!(ask(&model, "a needle here").body.contains("first"));
    assert!(ask(&model, "the rest").body.contains("the rest"));
    model.queue_for("needle", Response::text(["kept"]));
    assert!(!ask(&model, "nothing of that").body.contains("kept"));
}

#[test]
fn a_stream_goes_from_its_creation_to_its_completion() {
    let model = ScriptedModel::start();
    model.queue(Response::text(["he", "llo"]));
    let answer = ask(&model, "go");
    assert!(answer.head.to_lowercase().contains("content-type: text/event-stream"));
    assert_eq!(
        event_types(&answer),
        [
            "response.created",
            "response.output_item.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let usage = &events(&answer)[5]["response"]["usage"];
    assert_eq!(usage["total_tokens"], 15);
}

#[test]
fn items_of_different_responses_have_different_ids() {
    let model = ScriptedModel::start();
    let two = || Response::text(["a"]).message(Message::new("b"));
    model.queue(two());
    model.queue(two());
    let ids: BTreeSet<String> = [ask(&model, "go"), ask(&model, "go")]
        .iter()
        .flat_map(events)
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| event["item"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
}

#[test]
fn a_cut_delivers_its_events_and_not_the_end_of_the_body() {
    let model = ScriptedModel::start();
    model.queue(Response::text(["a", "b", "c"]));
    let whole = request_in_chunks(&model.url(), "POST", "/v1/responses", &question("go"));
    assert!(whole.body.ends_with("0\r\n\r\n"), "{}", whole.body);
    for count in 0..6 {
        model.queue(Response::text(["a", "b", "c"]).cut_after(count));
        let cut = request_in_chunks(&model.url(), "POST", "/v1/responses", &question("go"));
        assert_eq!(cut.status, 200);
        assert_eq!(events(&cut).len(), count, "{}", cut.body);
        assert!(!cut.body.ends_with("0\r\n\r\n"), "{}", cut.body);
    }
}

#[test]
fn an_http_answer_has_its_status_its_headers_and_its_body() {
    let model = ScriptedModel::start();
    model.queue(Response::http(429, json!({"error": {"type": "slow"}})).header("Retry-After", "7"));
    model.queue(Response::http(503, json!("sorry")));
    let answer = ask(&model, "go");
    assert_eq!(answer.status, 429);
    assert!(answer.head.to_lowercase().contains("retry-after: 7"), "{}", answer.head);
    assert_eq!(answer.json(), json!({"error": {"type": "slow"}}));
    assert_eq!(ask(&model, "go").body, "sorry");
}

#[test]
fn an_open_stream_ends_with_the_model() {
    let model = ScriptedModel::start();
    model.queue(Response::new().gate("never").message(Message::new("unsaid")));
    let gate = model.gate("never");
    let url = model.url();
    let reader = thread::spawn(move || request(&url, "POST", "/v1/responses", &question("go")));
    gate.wait_until_reached(PATIENCE);
    drop(model);
    assert_eq!(event_types(&reader.join().unwrap()), ["response.created"]);
}

#[test]
#[should_panic(expected = "No response reached the gate \"g\"")]
fn waiting_for_a_gate_that_nothing_reaches_fails() {
    let model = ScriptedModel::start();
    model.gate("g").wait_until_reached(Duration::from_millis(20));
}

#[test]
#[should_panic(expected = "asked for 0 responses within 20ms, but the test waits for 1")]
fn waiting_for_requests_that_do_not_come_fails() {
    let model = ScriptedModel::start();
    model.wait_for_requests(1, Duration::from_millis(20));
}

#[test]
fn every_request_is_recorded_and_the_control_shows_it() {
    let model = ScriptedModel::start();
    model.queue(Response::text(["hi"]));
    assert_eq!(request(&model.url(), "GET", "/v1/models?x=1", "").status, 200);
    assert_eq!(request(&model.url(), "GET", "/v1/elsewhere", "").status, 404);
    ask(&model, "go");
    let requests = control(&model, "GET", "requests", "").json();
    let paths: Vec<_> = requests.as_array().unwrap().iter().map(|request| &request["path"]).collect();
    assert_eq!(paths, ["/v1/models", "/v1/elsewhere", "/v1/responses"]);
    assert_eq!(requests[2]["method"], "POST");
    assert_eq!(requests[2]["headers"]["x-case"], "Kept");
    assert_eq!(requests[2]["body"].to_string(), question("go"));
    assert_eq!(model.all_requests().len(), 3);
    assert_eq!(model.requests().len(), 1);
}

#[test]
fn the_control_queues_one_response_or_an_array() {
    let model = ScriptedModel::start();
    assert_eq!(control(&model, "POST", "queue", r#"{"text": "one"}"#).json()["queued"], 1);
    let two = r#"[{"text": ["t", "wo"]}, {"http": {"status": 500}}]"#;
    assert_eq!(control(&model, "POST", "queue", two).json()["queued"], 2);
    assert!(ask(&model, "go").body.contains("one"));
    assert!(ask(&model, "go").body.contains("two"));
    assert_eq!(ask(&model, "go").status, 500);
}

#[test]
fn the_control_waits_for_a_gate_and_releases_it() {
    let model = ScriptedModel::start();
    let early = control(&model, "GET", "gates/g?timeoutMs=20", "");
    assert_eq!(early.status, 408);
    assert!(early.error().contains("\"g\""), "{}", early.body);
    let script = r#"{"text": ["before", {"gate": "g"}, {"pauseMs": 1}, "after"]}"#;
    control(&model, "POST", "queue", script);
    let url = model.url();
    let reader = thread::spawn(move || request(&url, "POST", "/v1/responses", &question("go")));
    assert_eq!(control(&model, "GET", "gates/g?timeoutMs=60000", "").status, 200);
    assert!(!reader.is_finished());
    assert_eq!(control(&model, "POST", "gates/g", "").status, 200);
    assert!(reader.join().unwrap().body.contains("beforeafter"));
}

#[test]
fn the_control_refuses_what_it_does_not_know() {
    let model = ScriptedModel::start();
    assert_eq!(control(&model, "GET", "queue", "").status, 404);
    assert_eq!(control(&model, "POST", "queue", "{").status, 400);
    assert_eq!(control(&model, "GET", "gates/g?timeoutMs=soon", "").status, 400);
    assert_eq!(control(&model, "GET", "gates/g?seconds=1", "").status, 400);
    assert!(model.all_requests().is_empty());
}

#[test]
fn a_mistake_in_a_script_is_named() {
    for (script, named) in [
        (r#"{}"#, "needs one of"),
        (r#"{"txt": "a"}"#, "unknown field `txt`"),
        (r#"{"text": [{"gat": "g"}]}"#, "unknown variant `gat`"),
        (r#"{"output": [{"message": {}}]}"#, "missing field `text`"),
        (r#"{"output": [{"call": {"name": "f"}}]}"#, "missing field `arguments`"),
        (r#"{"output": [{"hang": false}]}"#, "only value here is true"),
        (r#"{"text": "a", "hang": true}"#, "either \"http\" or \"hang\" or a stream"),
        (r#"{"http": {"status": 99}}"#, "99 is no status"),
        (r#"{"text": "a", "headers": {"a b": "c"}}"#, "no HTTP header"),
        (r#"{"end": "later"}"#, "unknown variant `later`"),
    ] {
        let error = parse_responses(script.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(named), "{script}: {error}");
    }
}

use std::time::{Duration, Instant};

use fake_runtime::{Action, Script};
use serde_json::{Value, json};

use crate::client::Client;

fn ask(actions: impl IntoIterator<Item = Action>) -> Client {
    let mut client = Client::start(&Script::new().on("ask", actions));
    client.request(1, "ask", json!({"threadId": "T"}));
    client
}

#[test]
fn a_reply_answers_the_request() {
    let client = ask([Action::reply(json!({"a": [1, null]}))]);
    assert_eq!(client.next(), json!({"id": 1, "result": {"a": [1, null]}}));
}

#[test]
fn an_error_answers_the_request() {
    let client = ask([Action::error(-32001, "no")]);
    let expected = json!({"id": 1, "error": {"code": -32001, "message": "no"}});
    assert_eq!(client.next(), expected);
}

#[test]
fn the_data_of_an_error_is_sent() {
    let setting = r#"{"on":{"ask":[{"error":{"code":-32602,"message":"m","data":{"for":"$threadId"}}}]}}"#;
    let mut client = Client::start_with_setting(setting);
    client.request(1, "ask", json!({"threadId": "T"}));
    assert_eq!(client.next()["error"]["data"], json!({"for": "T"}));
}

#[test]
fn a_notification_has_the_time_of_sending() {
    let client = ask([Action::notify("some/event", json!({"x": 1}))]);
    let message = client.next();
    assert_eq!(message["method"], "some/event");
    assert_eq!(message["params"], json!({"x": 1}));
    assert!(message["emittedAtMs"].is_u64());
}

#[test]
fn a_request_waits_for_its_answer() {
    let mut client = ask([Action::request(0, "approve", json!({})), Action::wait_answer(0), Action::reply("answered")]);
    let expected = json!({"id": 0, "method": "approve", "params": {}});
    assert_eq!(client.next(), expected);
    client.send(&json!({"id": 1, "result": "an answer to something else"}));
    client.assert_quiet();
    client.send(&json!({"id": 0, "result": {"decision": "accept"}}));
    assert_eq!(client.next(), json!({"id": 1, "result": "answered"}));
}

#[test]
fn a_request_that_is_asked_again_waits_again() {
    let mut client = ask([
        Action::request("a", "approve", json!({})),
        Action::wait_answer("a"),
        Action::request("a", "approve", json!({})),
        Action::wait_answer("a"),
        Action::reply("twice"),
    ]);
    for _ in 0..2 {
        assert_eq!(client.next()["id"], "a");
        client.assert_quiet();
        client.send(&json!({"id": "a", "error": {"code": 1, "message": "no"}}));
    }
    assert_eq!(client.next()["result"], "twice");
}

#[test]
fn an_answer_plays_its_actions_with_the_values_of_the_asking_script() {
    let resolved = json!({"threadId": "$threadId", "for": "$id"});
    let script = Script::new()
        .on("ask", [Action::request(9, "approve", json!({}))])
        .on_answer("approve", [Action::notify("resolved", resolved)]);
    let mut client = Client::start(&script);
    client.request("r", "ask", json!({"threadId": "T"}));
    client.next();
    client.send(&json!({"id": 9, "result": {}}));
    assert_eq!(client.next()["params"], json!({"threadId": "T", "for": "r"}));
    client.send(&json!({"id": 9, "result": {}}));
    client.assert_quiet();
}

#[test]
fn a_padded_line_is_as_long_as_was_asked_for() {
    let client = ask([Action::raw_padded("<$threadId $padding>", 200_000), Action::raw_padded("-$padding-", 0)]);
    assert_eq!(client.next_line(), format!("<T {}>", "x".repeat(200_000)).into_bytes());
    assert_eq!(client.next_line(), b"--");
}

#[test]
fn a_split_line_comes_in_two_pieces_cut_inside_of_a_character() {
    let mut client =
        Client::start_unread(&Script::new().on("ask", [Action::raw_split("a $threadId \u{e9}\u{e9}")]).to_json());
    client.request(1, "ask", json!({"threadId": "T"}));
    assert_eq!(client.read_some(), b"a T \xc3");
    assert_eq!(client.read_some(), b"\xa9\xc3\xa9\n");
}

#[test]
fn raw_lines_and_bytes_are_written_as_they_are() {
    let client = ask([
        Action::raw("{not json $threadId $ $id $unknown"),
        Action::raw_bytes(*b"\xff\xfe\0\n"),
        Action::raw_bytes(*b"{\"half\":"),
        Action::raw_bytes(*b"true}\n"),
    ]);
    assert_eq!(client.next_line(), b"{not json T $ 1 $unknown");
    assert_eq!(client.next_line(), b"\xff\xfe\0");
    assert_eq!(client.next(), json!({"half": true}));
}

#[test]
fn a_sleep_lasts_its_time() {
    let begin = Instant::now();
    let client = ask([Action::sleep_ms(50), Action::reply(1)]);
    assert_eq!(client.next()["result"], 1);
    assert!(begin.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_script_that_pauses_does_not_hold_up_other_requests() {
    let script =
        Script::new().on("slow", [Action::wait_for("go"), Action::reply("slow")]).on("quick", [Action::reply("quick")]);
    let mut client = Client::start(&script);
    client.request(1, "slow", json!({}));
    client.request(2, "quick", json!({}));
    assert_eq!(client.next()["result"], "quick");
    client.send(&json!({"method": "go"}));
    assert_eq!(client.next()["result"], "slow");
}

#[test]
fn scripts_that_do_not_pause_keep_the_order_of_the_requests() {
    let mut client = Client::start(&Script::new().on("ask", [Action::reply("$id")]));
    for id in 0..200 {
        client.request(id, "ask", json!({}));
    }
    for id in 0..200 {
        assert_eq!(client.next(), json!({"id": id, "result": id}));
    }
}

#[test]
fn silence_leaves_every_later_request_unanswered() {
    let mut client = ask([Action::reply(1), Action::silence()]);
    assert_eq!(client.next()["result"], 1);
    client.request(2, "ask", json!({}));
    client.request(3, "initialize", json!({}));
    client.assert_quiet();
    client.recorded("{\"id\":3,");
}

#[test]
fn builtin_does_what_would_have_been_done() {
    let script = Script::new().on("thread/start", [Action::builtin(), Action::notify("extra", json!({}))]);
    let mut client = Client::greet(&script);
    client.request(1, "thread/start", json!({}));
    assert_eq!(client.next()["id"], 1);
    assert_eq!(client.next()["method"], "thread/started");
    assert_eq!(client.next()["method"], "extra");
}

#[test]
fn every_call_can_have_its_own_actions() {
    let script = Script::new().then_on("ask", [Action::reply(1)]).then_on("ask", []).then_on("ask", [Action::reply(3)]);
    let mut client = Client::start(&script);
    for id in 1..=4 {
        client.request(id, "ask", json!({}));
    }
    assert_eq!(client.next(), json!({"id": 1, "result": 1}));
    assert_eq!(client.next(), json!({"id": 3, "result": 3}));
    assert_eq!(client.next(), json!({"id": 4, "result": 3}));
}

#[test]
fn a_script_waits_for_one_request_after_the_other() {
    let mut client = ask([
        Action::wait_for("next"),
        Action::notify("first", json!({})),
        Action::wait_for("next"),
        Action::reply("both"),
    ]);
    client.assert_quiet();
    client.send(&json!({"method": "next"}));
    assert_eq!(client.next()["method"], "first");
    client.assert_quiet();
    client.send(&json!({"method": "next"}));
    assert_eq!(client.next()["result"], "both");
}

#[test]
fn background_actions_run_beside_the_others() {
    let background = [Action::wait_for("release"), Action::notify("late", json!({}))];
    let mut client = ask([Action::in_background(background), Action::reply(1)]);
    assert_eq!(client.next()["result"], 1);
    client.send(&json!({"method": "release"}));
    assert_eq!(client.next()["method"], "late");
}

#[test]
fn placeholders_stand_for_the_parts_of_the_request() {
    let reply = json!({
        "ids": ["$id", "<$id>"],
        "turn": "$turnId",
        "nested": [{"text": "$text/$threadId"}],
        "now": "$nowUs",
    });
    let mut client = Client::start(&Script::new().on("turn/start", [Action::reply(reply)]));
    client.start_turn(7, "T", "a\"b");
    let result = client.next()["result"].clone();
    assert_eq!(result["ids"], json!([7, "<7>"]));
    assert_eq!(result["nested"], json!([{"text": "a\"b/T"}]));
    assert_eq!(result["turn"].as_str().map(str::len), Some(36));
    let now = result["now"].as_str().map(str::parse::<u64>);
    assert!(matches!(now, Some(Ok(1..))), "{result}");
}

#[test]
fn every_turn_start_has_a_fresh_turn_id() {
    let mut client = Client::start(&Script::new().on("turn/start", [Action::reply("$turnId")]));
    client.start_turn(1, "T", "x");
    client.start_turn(2, "T", "x");
    assert_ne!(client.next()["result"], client.next()["result"]);
}

#[test]
fn a_review_has_a_fresh_turn_id_too() {
    let mut client = Client::start(&Script::new().on("review/start", [Action::reply("$turnId")]));
    client.request(1, "review/start", json!({"threadId": "T", "target": {"type": "uncommittedChanges"}}));
    assert_eq!(client.next()["result"].as_str().map(str::len), Some(36));
}

#[test]
fn start_actions_come_before_anything_is_read() {
    let script =
        Script::new().start([Action::sleep_ms(50), Action::raw("banner")]).on("ask", [Action::reply(Value::Null)]);
    let mut client = Client::start(&script);
    client.request(1, "ask", json!({}));
    assert_eq!(client.next_line(), b"banner");
    assert_eq!(client.next()["id"], 1);
}

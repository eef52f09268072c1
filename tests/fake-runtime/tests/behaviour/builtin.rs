use fake_runtime::{Action, Script, Turn};
use serde_json::{Value, json};

use crate::client::{Client, methods};

const WHOLE_TURN: [&str; 14] = [
    "answer",
    "thread/status/changed",
    "turn/started",
    "item/started",
    "item/completed",
    "item/started",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/completed",
    "thread/tokenUsage/updated",
    "thread/status/changed",
];

fn error_of(client: &Client, id: i64) -> String {
    let answer = client.next();
    assert_eq!(answer["id"], id);
    assert_eq!(answer["error"]["code"], -32600);
    let message = answer["error"]["message"].as_str();
    message.expect("an error has a message").to_owned()
}

#[test]
fn the_handshake_names_the_client_and_the_runtime() {
    let mut client = Client::start(&Script::new());
    let params = json!({"clientInfo": {"name": "probe", "version": "0.1"}});
    client.request("a", "initialize", params.clone());
    let answer = client.next();
    assert_eq!(answer["id"], "a");
    let agent = answer["result"]["userAgent"].as_str().expect("a user agent");
    assert!(agent.starts_with("probe/0.169.0 ("), "{agent}");
    assert!(agent.ends_with(" xterm (probe; 0.1)"), "{agent}");
    assert_eq!(answer["result"]["codexHome"], "/home/user/.codex");
    assert_eq!(answer["result"]["platformFamily"], "unix");
    client.request(2, "initialize", params);
    assert_eq!(error_of(&client, 2), "Already initialized");
}

#[test]
fn nothing_works_before_the_handshake() {
    let mut client = Client::start(&Script::new());
    client.request(1, "thread/start", json!({}));
    assert_eq!(error_of(&client, 1), "Not initialized");
}

#[test]
fn the_user_agent_of_the_script_is_told() {
    let mut client = Client::start(&Script::new().user_agent("probe/0.1.0"));
    let params = json!({"clientInfo": {"name": "probe", "version": "0.1"}});
    client.request(1, "initialize", params);
    assert_eq!(client.next()["result"]["userAgent"], "probe/0.1.0");
}

#[test]
fn an_unknown_method_is_an_unknown_variant() {
    let mut client = Client::greet(&Script::new());
    client.request(1, "nonexistent/x", json!({}));
    let message = error_of(&client, 1);
    let start = "Invalid request: unknown variant `nonexistent/x`, expected one of `initialize`, ";
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn missing_params_are_refused() {
    let mut client = Client::greet(&Script::new());
    client.send(&json!({"id": 1, "method": "thread/start"}));
    let message = error_of(&client, 1);
    assert_eq!(message, "Invalid request: missing field `params`");
    client.request(2, "thread/read", json!({}));
    let message = error_of(&client, 2);
    assert_eq!(message, "Invalid request: missing field `threadId`");
}

#[test]
fn what_is_no_message_is_dropped_silently() {
    let mut client = Client::greet(&Script::new());
    for line in [
        "{",
        "[]",
        "\"x\"",
        "{}",
        "",
        "{\"id\":1.5,\"method\":\"thread/read\",\"params\":{}}",
        "{\"id\":1,\"id\":2,\"method\":\"thread/read\",\"params\":{}}",
        "{\"id\":1,\"method\":\"thread/read\",\"params\":{\"x\":\"\\ud800\"}}",
        "{\"method\":\"unknown/notification\"}",
        "{\"id\":77,\"result\":{}}",
    ] {
        client.send_bytes(format!("{line}\r\n").as_bytes());
    }
    client.request(9, "thread/read", json!({}));
    error_of(&client, 9);
}

#[test]
fn a_thread_start_answers_before_it_announces_the_thread() {
    let mut client = Client::greet(&Script::new());
    let params = json!({"cwd": "/home/user/ws", "model": "m", "sandbox": "danger-full-access"});
    client.request(1, "thread/start", params);
    let (answer, started) = (client.next(), client.next());
    let result = &answer["result"];
    assert_eq!(result["thread"]["cwd"], "/home/user/ws");
    assert_eq!(result["model"], "m");
    assert_eq!(result["sandbox"]["type"], "dangerFullAccess");
    assert_eq!(started["method"], "thread/started");
    assert_eq!(started["params"]["thread"], result["thread"]);
    assert!(started["emittedAtMs"].is_u64());
    let id = result["thread"]["id"].as_str().expect("an id");
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
}

#[test]
fn thread_ids_are_fresh() {
    let (mut client, first) = Client::with_thread(&Script::new());
    assert_ne!(first, client.start_thread(2));
}

#[test]
fn a_resumed_thread_keeps_its_id() {
    let mut client = Client::greet(&Script::new());
    let params = json!({"threadId": "01a20343-fe96-73a2-af5e-e477d5e29c7c"});
    client.request(1, "thread/resume", params.clone());
    let answer = client.next();
    assert_eq!(answer["result"]["thread"]["id"], params["threadId"]);
    assert_eq!(client.next()["method"], "thread/status/changed");
}

#[test]
fn a_fork_has_an_id_of_its_own_and_the_turns_of_its_source() {
    let (mut client, thread) = Client::with_thread(&Script::new());
    client.start_turn(2, &thread, "hello");
    client.until("turn/completed");
    client.request(3, "thread/fork", json!({"threadId": thread}));
    let answer = client.next();
    let fork = &answer["result"]["thread"];
    assert_ne!(fork["id"], thread.as_str());
    assert_eq!(fork["forkedFromId"], thread.as_str());
    assert_eq!(fork["turns"].as_array().map(Vec::len), Some(1));
    assert_eq!(client.next()["method"], "thread/started");
}

#[test]
fn a_turn_goes_through_all_its_events() {
    let (mut client, thread) = Client::with_thread(&Script::new());
    client.start_turn(2, &thread, "hello");
    let messages = client.until("turn/completed");
    assert_eq!(methods(&messages[..14]), WHOLE_TURN);
    assert_eq!(messages.len(), 15);

    let turn = &messages[0]["result"]["turn"]["id"];
    assert_eq!(messages[0]["result"]["turn"]["status"], "inProgress");
    let user = &messages[4]["params"]["item"];
    assert_eq!(user["content"][0]["text"], "hello");
    let deltas = messages[6..11].iter();
    let text: String = deltas.filter_map(|m| m["params"]["delta"].as_str()).collect();
    let agent = &messages[11]["params"]["item"];
    assert_eq!(agent["type"], "agentMessage");
    assert_eq!(agent["text"], text.as_str());
    assert_eq!(messages[13]["params"]["status"]["type"], "idle");
    let ended = &messages[14]["params"]["turn"];
    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["items"], json!([agent]));
    for message in &messages[2..5] {
        let params = &message["params"];
        let named = [&params["turnId"], &params["turn"]["id"]];
        assert!(named.contains(&turn), "{message}");
        assert_eq!(params["threadId"], thread.as_str());
    }
    client.assert_quiet();
}

#[test]
fn notifications_that_the_client_opted_out_of_stay_away() {
    let mut client = Client::start(&Script::new());
    let opted_out = ["thread/started", "item/agentMessage/delta"];
    let params = json!({
        "clientInfo": {"name": "probe", "version": "0.1"},
        "capabilities": {"optOutNotificationMethods": opted_out},
    });
    client.request(0, "initialize", params);
    client.next();
    client.request(1, "thread/start", json!({}));
    let thread = client.next()["result"]["thread"]["id"].clone();
    client.start_turn(2, thread.as_str().expect("an id"), "hello");
    let messages = client.until("turn/completed");
    assert_eq!(messages.len(), 10);
}

#[test]
fn a_turn_on_an_unknown_thread_is_refused() {
    let mut client = Client::greet(&Script::new());
    client.start_turn(1, "t1", "hello");
    assert_eq!(error_of(&client, 1), "thread not found: t1");
}

#[test]
fn a_thread_that_a_script_made_up_takes_turns() {
    let reply = json!({"thread": {"id": "t1"}});
    let script = Script::new().on("thread/start", [Action::reply(reply)]);
    let mut client = Client::greet(&script);
    client.request(1, "thread/start", json!({}));
    client.next();
    client.start_turn(2, "t1", "hello");
    assert_eq!(client.until("turn/completed").len(), 15);
}

#[test]
fn a_second_turn_start_joins_the_open_turn() {
    let script = Script::new().then_on("turn/start", [Action::turn(Turn::held())]);
    let script = script.then_on("turn/start", [Action::builtin()]);
    let (mut client, thread) = Client::with_thread(&script);
    client.start_turn(2, &thread, "one");
    let first = client.next();
    client.until("item/completed");
    assert_eq!(client.next()["method"], "item/started");
    client.start_turn(3, &thread, "two");
    let second = client.next();
    assert_eq!(first["result"]["turn"]["id"], second["result"]["turn"]["id"]);
    let user = client.until("item/completed");
    let content = &user[1]["params"]["item"]["content"];
    assert_eq!(content[0]["text"], "two");
    client.assert_quiet();
}

fn held_turn() -> (Client, String, Value) {
    let script = Script::new().on("turn/start", [Action::turn(Turn::held())]);
    let (mut client, thread) = Client::with_thread(&script);
    client.start_turn(2, &thread, "hello");
    let turn = client.next()["result"]["turn"]["id"].clone();
    client.until("item/completed");
    client.until("item/started");
    (client, thread, turn)
}

#[test]
fn an_interrupt_ends_the_open_turn() {
    let (mut client, thread, turn) = held_turn();
    client.request(3, "turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = client.until("turn/completed");
    let expected = ["answer", "thread/status/changed", "turn/completed"];
    assert_eq!(methods(&messages), expected);
    assert_eq!(messages[0]["result"], json!({}));
    let ended = &messages[2]["params"]["turn"];
    assert_eq!(ended["status"], "interrupted");
    assert_eq!(ended["items"], json!([]));
}

#[test]
fn an_interrupt_without_a_turn_id_means_whatever_runs() {
    let (mut client, thread, _) = held_turn();
    let params = json!({"threadId": thread, "turnId": ""});
    client.request(3, "turn/interrupt", params.clone());
    assert_eq!(client.until("turn/completed").len(), 3);
    client.request(4, "turn/interrupt", params);
    assert_eq!(client.next(), json!({"id": 4, "result": {}}));
}

#[test]
fn an_interrupt_of_another_turn_is_refused() {
    let (mut client, thread, turn) = held_turn();
    let turn = turn.as_str().expect("an id");
    client.request(3, "turn/interrupt", json!({"threadId": thread, "turnId": "wrong"}));
    let expected = format!("expected active turn id wrong but found {turn}");
    assert_eq!(error_of(&client, 3), expected);
}

#[test]
fn a_steer_adds_a_message_to_the_open_turn() {
    let (mut client, thread, turn) = held_turn();
    let input = json!([{"type": "text", "text": "also"}]);
    let mut params = json!({"threadId": thread, "input": input, "expectedTurnId": "nope"});
    client.request(3, "turn/steer", params.clone());
    assert!(error_of(&client, 3).starts_with("expected active turn id `nope`"));
    params["expectedTurnId"] = turn.clone();
    client.request(4, "turn/steer", params);
    assert_eq!(client.next(), json!({"id": 4, "result": {"turnId": turn}}));
    let user = client.until("item/completed");
    assert_eq!(user[1]["params"]["item"]["content"][0]["text"], "also");
}

#[test]
fn a_steer_without_an_open_turn_is_refused() {
    let (mut client, thread) = Client::with_thread(&Script::new());
    let params = json!({"threadId": thread, "input": [], "expectedTurnId": "t"});
    client.request(2, "turn/steer", params);
    assert_eq!(error_of(&client, 2), "no active turn to steer");
}

#[test]
fn what_happened_can_be_read_page_by_page() {
    let (mut client, thread) = Client::with_thread(&Script::new());
    for id in 2..5 {
        client.start_turn(id, &thread, "hello");
        client.until("turn/completed");
    }
    client.request(5, "thread/read", json!({"threadId": thread, "includeTurns": true}));
    let read = client.next()["result"]["thread"].clone();
    assert_eq!(read["status"]["type"], "idle");
    assert_eq!(read["preview"], "hello");
    assert_eq!(read["turns"].as_array().map(Vec::len), Some(3));

    client.request(6, "thread/turns/list", json!({"threadId": thread, "limit": 2}));
    let first = client.next()["result"].clone();
    assert_eq!(first["data"][0]["id"], read["turns"][2]["id"]);
    let cursor = first["nextCursor"].clone();
    client.request(7, "thread/turns/list", json!({"threadId": thread, "cursor": cursor}));
    let second = client.next()["result"].clone();
    assert_eq!(second["data"][0]["id"], read["turns"][0]["id"]);
    assert_eq!(second["nextCursor"], Value::Null);

    client.request(8, "thread/items/list", json!({"threadId": thread}));
    let items = client.next()["result"]["data"].clone();
    assert_eq!(items.as_array().map(Vec::len), Some(6));
    assert_eq!(items[0]["item"]["type"], "userMessage");
    assert_eq!(items[1]["item"]["type"], "agentMessage");
}

#[test]
fn a_thread_can_be_named() {
    let (mut client, thread) = Client::with_thread(&Script::new());
    client.request(2, "thread/name/set", json!({"threadId": thread, "name": ""}));
    assert_eq!(error_of(&client, 2), "thread name must not be empty");
    client.request(3, "thread/name/set", json!({"threadId": thread, "name": "n"}));
    assert_eq!(client.next(), json!({"id": 3, "result": {}}));
    assert_eq!(client.next()["params"]["threadName"], "n");
    client.request(4, "thread/read", json!({"threadId": thread}));
    assert_eq!(client.next()["result"]["thread"]["name"], "n");
}

use fake_runtime::{Action, FinishTurn, Script, Turn, Turns};
use serde_json::{Value, json};

use crate::client::{Client, methods};

fn turn_with(turn: Turn) -> Vec<Value> {
    let script = Script::new().on("turn/start", [Action::turn(turn)]);
    let (mut client, thread) = Client::with_thread(&script);
    client.start_turn(2, &thread, "hello");
    client.until("turn/completed")
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn of_method<'a>(messages: &'a [Value], method: &str) -> Vec<&'a Value> {
    let chosen = messages.iter().filter(|message| message["method"] == method);
    chosen.collect()
}

fn final_text(messages: &[Value]) -> &Value {
    &messages[messages.len() - 1]["params"]["turn"]["items"][0]["text"]
}

#[test]
fn given_deltas_make_the_text() {
    let messages = turn_with(Turn { deltas: Some(strings(&["a", "b c", ""])), ..Turn::default() });
    let deltas = of_method(&messages, "item/agentMessage/delta");
    let texts: Vec<_> = deltas.iter().map(|delta| &delta["params"]["delta"]).collect();
    assert_eq!(texts, ["a", "b c", ""]);
    assert_eq!(final_text(&messages), "ab c");
}

#[test]
fn a_given_text_is_cut_into_deltas() {
    let messages =
        turn_with(Turn { text: Some("one two".to_owned()), phase: Some("final_answer".to_owned()), ..Turn::default() });
    assert_eq!(of_method(&messages, "item/agentMessage/delta").len(), 2);
    assert_eq!(final_text(&messages), "one two");
    let agent = &messages[messages.len() - 1]["params"]["turn"]["items"][0];
    assert_eq!(agent["phase"], "final_answer");
}

#[test]
fn deltas_and_text_may_contradict_each_other() {
    let messages = turn_with(Turn { deltas: Some(strings(&["x"])), text: Some("y".to_owned()), ..Turn::default() });
    assert_eq!(final_text(&messages), "y");
}

#[test]
fn the_opening_events_can_come_before_the_answer() {
    let messages = turn_with(Turn { before_reply: true, ..Turn::default() });
    let expected = ["thread/status/changed", "turn/started", "item/started", "item/completed", "answer"];
    assert_eq!(methods(&messages[..5]), expected);
}

#[test]
fn omitted_messages_are_not_sent() {
    let turn = Turn { omit: strings(&["turn/completed", "item/agentMessage/delta", "reply"]), ..Turn::default() };
    let script = Script::new().on("turn/start", [Action::turn(turn)]);
    let (mut client, thread) = Client::with_thread(&script);
    client.start_turn(2, &thread, "hello");
    let messages = client.until("thread/tokenUsage/updated");
    assert_eq!(of_method(&messages, "item/agentMessage/delta").len(), 0);
    assert_eq!(messages[0]["method"], "thread/status/changed");
    assert_eq!(client.next()["method"], "thread/status/changed");
    client.assert_quiet();
}

#[test]
fn a_failed_turn_tells_its_error_and_no_message() {
    let error = json!({"message": "no", "codexErrorInfo": "usageLimitExceeded"});
    let messages = turn_with(Turn { error: Some(error.clone()), ..Turn::default() });
    let expected = ["thread/status/changed", "error", "turn/completed"];
    assert_eq!(methods(&messages[5..]), expected);
    assert_eq!(messages[5]["params"]["status"]["type"], "systemError");
    assert_eq!(messages[6]["params"]["error"], error);
    assert_eq!(messages[6]["params"]["willRetry"], false);
    assert_eq!(messages[7]["params"]["turn"]["status"], "failed");
    assert_eq!(messages[7]["params"]["turn"]["error"], error);
}

#[test]
fn a_failed_turn_without_an_error_has_a_built_in_one() {
    let messages = turn_with(Turn { status: Some("failed".to_owned()), ..Turn::default() });
    let error = &messages[7]["params"]["turn"]["error"];
    assert_eq!(error["codexErrorInfo"], "other");
}

#[test]
fn a_status_that_nobody_knows_is_told_as_it_is() {
    let messages = turn_with(Turn { status: Some("paused".to_owned()), ..Turn::default() });
    assert_eq!(messages[14]["params"]["turn"]["status"], "paused");
}

#[test]
fn further_items_come_before_the_agent_message() {
    let item = json!({"type": "plan", "id": "p1", "text": "for $text"});
    let messages = turn_with(Turn { items: vec![item], ..Turn::default() });
    let plan = json!({"type": "plan", "id": "p1", "text": "for hello"});
    assert_eq!(messages[5]["params"]["item"], plan);
    assert_eq!(messages[6]["method"], "item/completed");
    assert_eq!(messages[7]["params"]["item"]["type"], "agentMessage");
}

#[test]
fn a_held_turn_is_finished_by_a_later_step() {
    let held = Turn { deltas: Some(strings(&["a"])), ..Turn::held() };
    let finish =
        FinishTurn { with: Turn { deltas: Some(strings(&["b"])), ..Turn::default() }, ..FinishTurn::default() };
    let actions = [Action::turn(held), Action::wait_for("go/on"), Action::finish_turn(finish)];
    let (mut client, thread) = Client::with_thread(&Script::new().on("turn/start", actions));
    client.start_turn(2, &thread, "hello");
    client.until("item/agentMessage/delta");
    client.assert_quiet();
    client.send(&json!({"method": "go/on"}));
    let messages = client.until("turn/completed");
    assert_eq!(messages[0]["params"]["delta"], "b");
    assert_eq!(final_text(&messages), "ab");
}

#[test]
fn a_second_turn_action_plays_the_rest_of_a_held_turn() {
    let rest = Turn { text: Some("late".to_owned()), ..Turn::default() };
    let actions = [Action::turn(Turn::held()), Action::turn(rest)];
    let (mut client, thread) = Client::with_thread(&Script::new().on("turn/start", actions));
    client.start_turn(2, &thread, "hello");
    let messages = client.until("turn/completed");
    assert_eq!(final_text(&messages), "late");
    let answers = messages.iter().filter(|message| message["id"] == 2);
    assert_eq!(answers.count(), 1);
}

#[test]
fn another_request_can_finish_every_held_turn() {
    let finish = FinishTurn { turns: Turns::All, ..FinishTurn::default() };
    let script = Script::new()
        .on("turn/start", [Action::turn(Turn::held())])
        .on("finish/all", [Action::finish_turn(finish), Action::reply(json!({}))]);
    let (mut client, first) = Client::with_thread(&script);
    let second = client.start_thread(2);
    client.start_turn(3, &first, "one");
    client.start_turn(4, &second, "two");
    client.request(5, "finish/all", json!({}));
    client.until("turn/completed");
    client.until("turn/completed");
    assert_eq!(client.next(), json!({"id": 5, "result": {}}));
}

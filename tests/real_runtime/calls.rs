//! Calls of any method of the runtime, and the words for why one is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::client_options::ExperimentalApi;
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use codex::engine::thread::Thread;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::support::follow::{end, listen, parsed, run, start, until, until_client};
use crate::support::real::{World, call, on_both_runtimes, stats, thread_of};

on_both_runtimes! {
    a_call_hands_out_the_answer_of_the_runtime,
    an_unknown_method_is_called_that,
    parameters_that_do_not_fit_are_called_that,
    a_thread_that_is_not_loaded_is_called_that,
    an_idle_thread_has_no_turn_to_interrupt_or_steer,
    another_turn_than_the_running_one_is_called_a_mismatch,
    an_input_beyond_the_limit_is_called_that,
    an_empty_input_is_refused,
    an_experimental_method_says_what_it_needs,
    a_refusal_keeps_the_words_and_the_data_of_the_runtime,
    a_call_that_takes_too_long_is_given_up_and_the_client_goes_on,
    a_thousand_calls_at_once_are_all_answered,
    the_answer_to_a_begun_call_names_it,
    a_begun_call_that_is_refused_has_the_error_in_its_answer,
    a_notification_that_nobody_knows_is_harmless,
    what_is_no_json_object_is_never_sent,
    a_long_answer_arrives_whole,
    an_answer_beyond_the_limit_fails_that_call_alone,
}

fn refusal(client: &Client, method: &str, params: Value) -> Error {
    let error = client.call(method, Some(&params.to_string()), Timeout::Default).expect_err("the runtime refuses");
    assert_eq!(error.status(), Status::Rpc, "{error}");
    error
}

fn reason(client: &Client, method: &str, params: Value) -> String {
    refusal(client, method, params).reason().to_owned()
}

fn a_call_hands_out_the_answer_of_the_runtime(world: &World) {
    let models = call(&world.client(), "model/list", json!({"includeHidden": true}));
    let models = models["data"].as_array().expect("models");
    assert!(models.len() > 2 && models.iter().all(|model| model["id"].is_string()), "{models:?}");
}

fn an_unknown_method_is_called_that(world: &World) {
    let error = refusal(&world.client(), "no/such", json!({}));
    assert_eq!((error.reason(), error.rpc_code()), ("unknownMethod", -32600));
    assert!(error.message().starts_with("no/such was refused by the runtime"), "{error}");
}

fn parameters_that_do_not_fit_are_called_that(world: &World) {
    let client = world.client();
    assert_eq!(reason(&client, "thread/read", json!({})), "invalidParams");
    assert_eq!(reason(&client, "thread/read", json!({"threadId": 5})), "invalidParams");
    assert_eq!(reason(&client, "thread/start", json!({"sandbox": "banana"})), "invalidParams");
}

fn a_thread_that_is_not_loaded_is_called_that(world: &World) {
    let client = world.client();
    let params = json!({"threadId": "01a20343-d634-7000-8000-000000000000"});
    assert_eq!(reason(&client, "thread/compact/start", params.clone()), "threadNotFound");
    assert_eq!(reason(&client, "thread/read", params.clone()), "threadNotLoaded");
    let thread = Thread::from_id(&client, params["threadId"].as_str().unwrap()).unwrap();
    let error = Turn::start(&thread, Some("go"), None).unwrap_err();
    assert_eq!(error.reason(), "threadNotFound");
    assert!(error.message().contains("Resume the thread"), "{error}");
}

fn an_idle_thread_has_no_turn_to_interrupt_or_steer(world: &World) {
    world.says([Response::text(["done"])]);
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    let id = run(&thread, "go").completed()["id"].clone();
    let input = json!([{"type": "text", "text": "more"}]);
    let steer = json!({"threadId": thread.id().as_str(), "expectedTurnId": id, "input": input});
    assert_eq!(reason(&client, "turn/steer", steer), "noActiveTurn");
    assert_eq!(
        reason(&client, "turn/interrupt", json!({"threadId": thread.id().as_str(), "turnId": id})),
        "noActiveTurn"
    );
}

/// A turn that waits at the gate "middle".
fn start_half(world: &World, thread: &Thread) -> Turn {
    world.says([Response::new().message(Message::new("half").gate("middle"))]);
    let turn = start(thread, "go");
    until(&turn, EventKind::MessageDelta);
    turn
}

fn another_turn_than_the_running_one_is_called_a_mismatch(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    let turn = start_half(world, &thread);
    let input = json!([{"type": "text", "text": "more"}]);
    let steer = json!({"threadId": thread.id().as_str(), "expectedTurnId": "another", "input": input});
    assert_eq!(reason(&client, "turn/steer", steer), "turnMismatch");
    let interrupt = json!({"threadId": thread.id().as_str(), "turnId": "another"});
    assert_eq!(reason(&client, "turn/interrupt", interrupt), "turnMismatch");
    world.model.gate("middle").release();
    end(&turn).completed();
}

fn an_input_beyond_the_limit_is_called_that(world: &World) {
    let thread = world.thread();
    let error = Turn::start(&thread, Some(&"x".repeat(1_100_000)), None).unwrap_err();
    assert_eq!((error.reason(), error.rpc_code()), ("inputTooLarge", -32602));
    assert_eq!(parsed(&error.to_json())["data"]["actual_chars"], 1_100_000);
}

fn an_empty_input_is_refused(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    assert_eq!(Turn::start(&thread, None, None).unwrap_err().status(), Status::InvalidArgument);
    let turn = start_half(world, &thread);
    assert_eq!(turn.steer(None, None).unwrap_err().status(), Status::InvalidArgument);
    let steer = json!({"threadId": thread.id().as_str(), "expectedTurnId": turn.id().as_str(), "input": []});
    assert_eq!(reason(&client, "turn/steer", steer), "inputEmpty");
    world.model.gate("middle").release();
    end(&turn).completed();
}

fn an_experimental_method_says_what_it_needs(world: &World) {
    let client = world.client_with(|options| options.experimental_api = ExperimentalApi::Disabled);
    let error = Thread::start(&client, Some(r#"{"dynamicTools":[]}"#)).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Rpc, "experimentalRequired"));
    assert!(error.message().contains("Enable the experimental API"), "{error}");
    thread_of(&client, json!({}));
}

fn a_refusal_keeps_the_words_and_the_data_of_the_runtime(world: &World) {
    let error = refusal(&world.client(), "thread/read", json!({}));
    assert!(error.message().contains("missing field `threadId`"), "{error}");
    let json = parsed(&error.to_json());
    assert_eq!(
        (&json["rpcCode"], &json["retryable"], &json["reason"]),
        (&json!(-32600), &json!(false), &json!("invalidParams"))
    );
}

fn a_call_that_takes_too_long_is_given_up_and_the_client_goes_on(world: &World) {
    let client = world.client();
    let sleep = json!({"command": ["sleep", "2"], "timeoutMs": 20000}).to_string();
    let error = client.call("command/exec", Some(&sleep), Timeout::After(Duration::from_millis(200))).unwrap_err();
    assert_eq!(error.status(), Status::TimedOut);
    assert!(error.message().contains("command/exec"), "{error}");
    assert!(call(&client, "model/list", json!({}))["data"].is_array());
}

fn a_thousand_calls_at_once_are_all_answered(world: &World) {
    let client = world.client();
    listen(&client);
    let begun: BTreeSet<u64> = (0..1000)
        .map(|number| client.begin_call("thread/loaded/list", None, Timeout::Default, number).unwrap())
        .collect();
    assert_eq!(begun.len(), 1000);
    let answers: Vec<_> =
        (0..1000).map(|_| until_client(&client, |event| event.kind() == EventKind::Response)).collect();
    assert_eq!(answers.iter().map(|answer| answer.call_id()).collect::<BTreeSet<_>>(), begun);
    assert_eq!(answers.iter().map(|answer| answer.user_data()).collect::<BTreeSet<_>>(), (0..1000).collect());
    assert!(answers.iter().all(|answer| answer.error().is_none() && parsed(answer.json_str())["data"].is_array()));
    let figures = stats(&client);
    assert_eq!((&figures["callsOutstanding"], &figures["callsRetried"]), (&json!(0), &json!(0)));
}

fn the_answer_to_a_begun_call_names_it(world: &World) {
    let client = world.client();
    let call_id = client.begin_call("model/list", Some("{}"), Timeout::Default, 7).unwrap();
    let answer = until_client(&client, |event| event.kind() == EventKind::Response);
    assert_eq!((answer.call_id(), answer.user_data()), (call_id, 7));
    assert!(parsed(answer.json_str())["data"].is_array());
}

fn a_begun_call_that_is_refused_has_the_error_in_its_answer(world: &World) {
    let client = world.client();
    client.begin_call("no/such", None, Timeout::Default, 0).unwrap();
    let answer = until_client(&client, |event| event.kind() == EventKind::Response);
    assert_eq!(answer.error().map(|error| error.reason()), Some("unknownMethod"));
}

fn a_notification_that_nobody_knows_is_harmless(world: &World) {
    let client = world.client();
    client.notify("no/such", Some(r#"{"a":1}"#)).unwrap();
    client.notify("initialized", None).unwrap();
    assert!(call(&client, "model/list", json!({}))["data"].is_array());
}

fn what_is_no_json_object_is_never_sent(world: &World) {
    let client = world.client();
    let status = |params: &str| client.call("model/list", Some(params), Timeout::Default).unwrap_err().status();
    assert_eq!(status("[]"), Status::InvalidArgument);
    assert_eq!(status("{\"a\":"), Status::InvalidJson);
    assert_eq!(status(r#"{"lone":"\ud800"}"#), Status::InvalidJson);
    let pretty = "{\n  \"includeHidden\": false\n}";
    assert!(client.call("model/list", Some(pretty), Timeout::Default).is_ok());
}

/// The parameters that read a file of this size.
fn reading(world: &World, bytes: usize) -> Value {
    let path = world.work().join("long.txt");
    std::fs::write(&path, vec![b'x'; bytes]).unwrap();
    json!({"path": path})
}

fn a_long_answer_arrives_whole(world: &World) {
    let answer = call(&world.client(), "fs/readFile", reading(world, 3_000_000));
    assert_eq!(answer["dataBase64"].as_str().map(str::len), Some(4_000_000));
}

fn an_answer_beyond_the_limit_fails_that_call_alone(world: &World) {
    let client = world.client_with(|options| options.set_max_message_bytes(1_000_000).unwrap());
    let params = reading(world, 3_000_000).to_string();
    let error = client.call("fs/readFile", Some(&params), Timeout::Default).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Protocol, "messageTooLong"));
    assert!(call(&client, "model/list", json!({}))["data"].is_array());
}

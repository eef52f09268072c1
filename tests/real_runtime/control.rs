//! Steering and interrupting a turn, and the limits that end it.

use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Scope};
use codex::engine::session::Interrupts;
use codex::engine::thread::Thread;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response, Usage};
use serde_json::{Value, json};

use crate::support::follow::{begin, end, events, eventually, items, messages, run, run_with, start, until};
use crate::support::real::{World, call, is_running, on_both_runtimes, stats, thread_of};

on_both_runtimes! {
    steering_reaches_the_running_turn,
    steering_waits_for_a_turn_that_is_just_beginning,
    steering_a_turn_that_is_over_is_refused,
    an_interrupted_turn_hands_out_what_it_said,
    an_interrupt_before_the_turn_has_started_counts,
    an_interrupt_of_a_turn_that_is_over_is_harmless,
    an_interrupt_counts_for_every_handle,
    after_an_interrupt_the_next_turn_runs,
    an_interrupt_of_somebody_else_is_told_apart,
    a_turn_that_takes_too_long_is_interrupted,
    a_turn_that_falls_silent_is_interrupted,
    a_turn_that_waits_for_an_answer_is_not_silent,
    a_limit_of_the_thread_counts_for_its_turns,
    a_turn_that_uses_too_many_tokens_is_interrupted,
    a_turn_that_calls_too_many_tools_is_interrupted,
    a_limit_of_the_client_counts_for_all_its_turns,
    a_limit_takes_the_commands_of_the_turn_along,
    a_budget_that_is_used_up_takes_the_commands_of_the_turn_along,
    an_interrupt_leaves_commands_running,
    an_interrupt_ends_commands_when_the_options_say_so,
    a_command_of_an_earlier_turn_is_left_alone,
    the_figures_of_a_client_add_up,
}

/// A response that says "half" and then nothing more, for a turn about this.
fn half_for(world: &World, topic: &str) {
    world.model.queue_for(topic, Response::new().message(Message::new("half").hang()));
}

/// Starts a turn that has said "half" and will say nothing more.
fn start_half(world: &World) -> (Thread, Turn) {
    half_for(world, "first");
    let thread = world.thread();
    let turn = start(&thread, "first");
    until(&turn, EventKind::MessageDelta);
    (thread, turn)
}

fn steering_reaches_the_running_turn(world: &World) {
    let cut_off = Message::new("before").phase("final_answer").hang();
    world.says([Response::new().message(cut_off), Response::text(["after"])]);
    let turn = start(&world.thread(), "the first thing");
    assert_eq!(until(&turn, EventKind::MessageDelta).text_str(), "before");
    turn.steer(Some("another thing"), None).unwrap();
    let result = end(&turn).completed();
    assert_eq!((&result["id"], messages(&result)), (&json!(turn.id().as_str()), vec!["after"]));
    assert_eq!((&result["finalResponse"], &result["partialResponse"]), (&json!("after"), &Value::Null));
    let asked: Vec<_> = world.model.requests().iter().map(|request| request.last_user_text()).collect();
    assert_eq!(asked, ["the first thing", "another thing"]);
    assert_eq!(items(&result, "userMessage").len(), 2);
}

fn steering_waits_for_a_turn_that_is_just_beginning(world: &World) {
    world.says([Response::new().message(Message::new("before").gate("middle")), Response::text(["after"])]);
    let turn = begin(&world.thread(), "the first thing");
    turn.steer(Some("another thing"), None).unwrap();
    world.model.gate("middle").release();
    let result = end(&turn).completed();
    assert_eq!(items(&result, "userMessage").len(), 2);
}

fn steering_a_turn_that_is_over_is_refused(world: &World) {
    world.says([Response::text(["done"])]);
    let turn = start(&world.thread(), "go");
    end(&turn).completed();
    let error = turn.steer(Some("more"), None).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Rpc, "noActiveTurn"));
}

fn an_interrupted_turn_hands_out_what_it_said(world: &World) {
    let (_thread, turn) = start_half(world);
    turn.interrupt().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::TurnInterrupted, "interrupted"));
    assert_eq!((&result["status"], &result["endedBy"]), (&json!("interrupted"), &json!("interrupted")));
    assert_eq!((&result["partialResponse"], &result["finalResponse"]), (&json!("half"), &Value::Null));
    assert_eq!(items(&result, "userMessage").len(), 1);
}

fn an_interrupt_before_the_turn_has_started_counts(world: &World) {
    let thread = world.thread();
    for round in 0..5 {
        let topic = format!("first {round}.");
        half_for(world, &topic);
        let turn = begin(&thread, &topic);
        turn.interrupt().unwrap();
        let (result, error) = end(&turn).not_completed();
        assert_eq!(error.status(), Status::TurnInterrupted);
        assert_eq!(result["status"], "interrupted");
    }
    world.model.queue_for("second", Response::text(["fine"]));
    assert_eq!(run(&thread, "second").completed()["finalResponse"], "fine");
}

fn an_interrupt_of_a_turn_that_is_over_is_harmless(world: &World) {
    world.says([Response::text(["first"]), Response::text(["second"])]);
    let thread = world.thread();
    let turn = start(&thread, "go");
    end(&turn).completed();
    turn.interrupt().unwrap();
    assert_eq!(run(&thread, "again").completed()["finalResponse"], "second");
    end(&turn).completed();
}

fn an_interrupt_counts_for_every_handle(world: &World) {
    let (thread, turn) = start_half(world);
    let other = Turn::attach(&thread, None).unwrap();
    other.interrupt().unwrap();
    for handle in [&turn, &other] {
        assert_eq!(end(handle).not_completed().1.status(), Status::TurnInterrupted);
    }
}

fn after_an_interrupt_the_next_turn_runs(world: &World) {
    let (thread, turn) = start_half(world);
    turn.interrupt().unwrap();
    end(&turn).not_completed();
    world.model.queue_for("second", Response::text(["fine"]));
    assert_eq!(run(&thread, "second").completed()["finalResponse"], "fine");
}

fn an_interrupt_of_somebody_else_is_told_apart(world: &World) {
    half_for(world, "first");
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    let turn = start(&thread, "first");
    until(&turn, EventKind::MessageDelta);
    call(&client, "turn/interrupt", json!({"threadId": thread.id().as_str(), "turnId": turn.id().as_str()}));
    let (result, error) = end(&turn).not_completed();
    assert_eq!(error.status(), Status::TurnInterrupted);
    assert!(error.message().contains("not by this client"), "{error}");
    assert_eq!(result["partialResponse"], "half");
}

fn a_turn_that_takes_too_long_is_interrupted(world: &World) {
    world.model.queue_for("first", Response::hang());
    let thread = world.thread();
    let (result, error) = run_with(&thread, "first", r#"{"limits":{"timeoutMs":300}}"#).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::TurnTimedOut, "timeout"));
    assert_eq!((&result["status"], &result["endedBy"]), (&json!("interrupted"), &json!("timeout")));
    world.model.queue_for("second", Response::text(["fine"]));
    assert_eq!(run(&thread, "second").completed()["finalResponse"], "fine");
}

fn a_turn_that_falls_silent_is_interrupted(world: &World) {
    half_for(world, "first");
    let (result, error) = run_with(&world.thread(), "first", r#"{"limits":{"idleTimeoutMs":500}}"#).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::TurnTimedOut, "idleTimeout"));
    assert_eq!((&result["endedBy"], &result["partialResponse"]), (&json!("idleTimeout"), &json!("half")));
}

fn a_turn_that_waits_for_an_answer_is_not_silent(world: &World) {
    let command = json!({"cmd": "echo hi", "sandbox_permissions": "require_escalated", "justification": "why not"});
    world.says([Response::new().call_exec("call_1", command), Response::text(["done"])]);
    let thread = world.thread_with(json!({"limits": {"idleTimeoutMs": 1500}}));
    let turn = start(&thread, "go");
    let request = until(&turn, EventKind::Request).take_request().expect("a request");
    std::thread::sleep(Duration::from_millis(2000));
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(end(&turn).completed()["finalResponse"], "done");
}

fn a_limit_of_the_thread_counts_for_its_turns(world: &World) {
    world.model.queue_for("first", Response::hang());
    let thread = world.thread_with(json!({"limits": {"timeoutMs": 300}}));
    assert_eq!(run(&thread, "first").not_completed().1.status(), Status::TurnTimedOut);
    world.model.queue_for("second", Response::text(["fine"]).pause(Duration::from_millis(600)));
    run_with(&thread, "second", r#"{"limits":{"timeoutMs":30000}}"#).completed();
}

fn a_turn_that_uses_too_many_tokens_is_interrupted(world: &World) {
    let usage = Usage { input: 90, output: 20, total: 110, ..Usage::default() };
    world.model.queue_for("first", Response::new().call_exec("call_1", json!({"cmd": "true"})).usage(usage));
    half_for(world, "first");
    let (result, error) = run_with(&world.thread(), "first", r#"{"limits":{"maxTokens":100}}"#).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::Limit, "tokenLimit"));
    assert_eq!((&result["endedBy"], &result["usage"]["turn"]["totalTokens"]), (&json!("tokenLimit"), &json!(110)));
}

fn a_turn_that_calls_too_many_tools_is_interrupted(world: &World) {
    for call_id in ["call_1", "call_2"] {
        world.model.queue_for("first", Response::new().call_exec(call_id, json!({"cmd": "echo hi"})));
    }
    half_for(world, "first");
    let (result, error) = run_with(&world.thread(), "first", r#"{"limits":{"maxToolCalls":1}}"#).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::Limit, "toolLimit"));
    assert_eq!(items(&result, "commandExecution")[0]["id"], "call_1");
}

fn a_limit_of_the_client_counts_for_all_its_turns(world: &World) {
    world.model.queue_for("first", Response::hang());
    let client = world.client_with(|options| {
        options.limits = options.limits.changed_by(r#"{"timeoutMs":300}"#).unwrap();
    });
    let thread = Thread::start(&client, None).unwrap();
    assert_eq!(run(&thread, "first").not_completed().1.status(), Status::TurnTimedOut);
    world.model.queue_for("second", Response::text(["fine"]).pause(Duration::from_millis(600)));
    run_with(&thread, "second", r#"{"limits":{"timeoutMs":0}}"#).completed();
}

/// A thread on which commands run as they are, without being asked for.
fn unrestricted(client: &Client) -> Thread {
    thread_of(client, json!({"sandbox": "danger-full-access", "approvalPolicy": "never"}))
}

/// The model runs a command that writes its process id and does not end.
fn runs_a_server(world: &World, topic: &str) {
    let command = format!("echo $$ > {topic}.pid; exec sleep 600");
    let call = Response::new().call_exec("call_1", json!({"cmd": command, "yield_time_ms": 30_000}));
    world.model.queue_for(topic, call);
}

/// The process of that command, once it runs.
fn server(world: &World, topic: &str) -> u32 {
    let written = || std::fs::read_to_string(world.work().join(format!("{topic}.pid"))).unwrap_or_default();
    eventually("the command runs", || written().ends_with('\n'));
    written().trim().parse().expect("a process id")
}

fn a_limit_takes_the_commands_of_the_turn_along(world: &World) {
    runs_a_server(world, "first");
    let thread = unrestricted(&world.client());
    let (result, error) = run_with(&thread, "first", r#"{"limits":{"timeoutMs":4000}}"#).not_completed();
    assert_eq!(error.status(), Status::TurnTimedOut);
    let command = items(&result, "commandExecution")[0];
    assert_eq!((&command["id"], &command["status"]), (&json!("call_1"), &json!("failed")));
    let pid = server(world, "first");
    eventually("the command ends", || !is_running(pid));
}

fn a_budget_that_is_used_up_takes_the_commands_of_the_turn_along(world: &World) {
    let usage = Usage { input: 50, output: 10, total: 60, ..Usage::default() };
    let client = world.client();
    for (limit, ended_by) in [("maxTokens", "tokenLimit"), ("maxToolCalls", "toolLimit")] {
        let command = json!({"cmd": format!("echo $$ > {limit}.pid; exec sleep 600"), "yield_time_ms": 250});
        world.model.queue_for(limit, Response::new().call_exec("call_1", command).usage(usage));
        world.model.queue_for(limit, Response::new().call_exec("call_2", json!({"cmd": "true"})).usage(usage));
        half_for(world, limit);
        let limits = json!({"limits": {limit: if limit == "maxTokens" { 100 } else { 1 }}}).to_string();
        let (result, error) = run_with(&unrestricted(&client), limit, &limits).not_completed();
        assert_eq!((error.status(), &result["endedBy"]), (Status::Limit, &json!(ended_by)));
        let server = server(world, limit);
        eventually("the command ends", || !is_running(server));
    }
}

/// A turn whose command runs and is listed as a terminal, and the process of the command. A command that is interrupted before
/// that is ended by the runtime itself, without a word.
fn start_server(world: &World, client: &Client, thread: &Thread, topic: &str) -> (Turn, u32) {
    runs_a_server(world, topic);
    let turn = start(thread, topic);
    let pid = server(world, topic);
    eventually("the command is a terminal of the thread", || {
        let listed = call(client, "thread/backgroundTerminals/list", json!({"threadId": thread.id().as_str()}));
        listed["data"].as_array().is_some_and(|terminals| terminals.iter().any(|one| one["itemId"] == "call_1"))
    });
    (turn, pid)
}

fn an_interrupt_leaves_commands_running(world: &World) {
    let client = world.client();
    let (turn, pid) = start_server(world, &client, &unrestricted(&client), "first");
    turn.interrupt().unwrap();
    let (result, _) = end(&turn).not_completed();
    assert!(items(&result, "commandExecution").is_empty());
    assert!(is_running(pid));
}

fn client_that_ends_commands(world: &World) -> Client {
    world.client_with(|options| options.interrupts = Interrupts::TurnAndCommands)
}

fn an_interrupt_ends_commands_when_the_options_say_so(world: &World) {
    let client = client_that_ends_commands(world);
    let (turn, pid) = start_server(world, &client, &unrestricted(&client), "first");
    turn.interrupt().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::TurnInterrupted, &json!("interrupted")));
    assert_eq!(items(&result, "commandExecution")[0]["status"], "failed");
    eventually("the command ends", || !is_running(pid));
}

fn a_command_of_an_earlier_turn_is_left_alone(world: &World) {
    let client = client_that_ends_commands(world);
    let thread = unrestricted(&client);
    let command = json!({"cmd": "echo $$ > kept.pid; exec sleep 600", "yield_time_ms": 250});
    world.model.queue_for("earlier", Response::new().call_exec("call_0", command));
    world.model.queue_for("earlier", Response::text(["it runs"]));
    run(&thread, "earlier").completed();
    let kept = server(world, "kept");
    let (turn, pid) = start_server(world, &client, &thread, "first");
    turn.interrupt().unwrap();
    end(&turn).not_completed();
    eventually("the command ends", || !is_running(pid));
    assert!(is_running(kept));
}

fn the_figures_of_a_client_add_up(world: &World) {
    let usage = Usage { input: 90, output: 20, total: 110, ..Usage::default() };
    world.says([Response::text(["one"]).usage(usage), Response::text(["two"]).usage(usage)]);
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    let seen = events(&start(&thread, "go")).len();
    run(&thread, "again").completed();
    let figures = stats(&client);
    let figure = |name: &str| figures[name].as_u64().unwrap_or_else(|| panic!("no {name} in {figures}"));
    assert_eq!((figure("turnsBegun"), figure("turnsOpen"), figure("tokensUsed")), (2, 0, 220));
    assert_eq!((figure("eventsQueued"), figure("deltasMerged")), (seen as u64, 0));
    assert!(figure("sentMessages") >= 5 && figure("sentBytes") > figure("sentMessages"));
    assert!(figure("receivedBytes") > figure("sentBytes"));
    assert!(figure("peakQueuedBytes") >= figure("peakTurnQueueBytes") && figure("peakTurnQueueBytes") > 0);
    assert_eq!((figure("peakClientQueueBytes"), figure("queuedBytes")), (0, 0));
}

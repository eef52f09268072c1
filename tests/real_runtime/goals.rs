//! Goals: as many turns of the runtime as they take, and one for the host.

use codex::engine::client::Client;
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use codex::engine::thread::{Thread, Turns};
use codex::engine::turn::{Turn, run as run_turn};
use scripted_model::{Message, Response, Usage};
use serde_json::{Value, json};

use crate::support::follow::{count, end, events, eventually, messages, parsed, run, start, texts, turn_id, until};
use crate::support::real::{World, call, on_both_runtimes, pid, signal, thread_of};

on_both_runtimes! {
    a_goal_is_one_turn_with_the_sums_of_all,
    its_events_have_one_beginning_one_end_and_one_id,
    a_goal_that_is_reached_at_once_takes_one_turn,
    a_goal_takes_the_place_of_the_one_before,
    steering_reaches_the_turn_that_runs,
    after_the_end_there_is_nothing_to_steer,
    an_interrupt_pauses_the_goal_and_the_thread_is_usable,
    a_limit_pauses_the_goal,
    a_failure_ends_the_goal_with_its_reason,
    a_goal_whose_model_breaks_off_is_blocked,
    a_freed_handle_lets_the_goal_go_on,
    a_runtime_that_is_killed_ends_the_goal,
    what_cannot_be_a_goal_is_refused_before_the_model_is_asked,
    a_thread_with_a_goal_takes_no_other_turn,
}

const OBJECTIVE: &str = "count to three";

fn pursue(thread: &Thread) -> Turn {
    Turn::pursue(thread, OBJECTIVE, None).expect("the goal is set")
}

fn refused(thread: &Thread, objective: &str) -> Error {
    Turn::pursue(thread, objective, None).expect_err("the goal is refused")
}

fn usage() -> Usage {
    Usage { input: 4, cached: 1, output: 2, reasoning: 1, total: 6 }
}

fn says(text: &str) -> Response {
    Response::text([text]).usage(usage())
}

/// The agent says that the goal is reached.
fn reaches() -> Response {
    Response::new().call("call_1", "update_goal", json!({"status": "complete"})).usage(usage())
}

/// A goal that takes two turns and three requests of the model.
fn takes_two_turns(world: &World) {
    world.says([says("one, two"), reaches(), says("three")]);
}

/// A message that is never finished.
fn half() -> Response {
    Response::new().message(Message::new("half").hang())
}

fn client_and_thread(world: &World) -> (Client, Thread) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    (client, thread)
}

fn goal_of(client: &Client, thread: &Thread) -> Value {
    call(client, "thread/goal/get", json!({"threadId": thread.id().as_str()}))["goal"].take()
}

fn a_goal_is_one_turn_with_the_sums_of_all(world: &World) {
    takes_two_turns(world);
    let (client, thread) = client_and_thread(world);
    let turn = Turn::pursue(&thread, &format!(" {OBJECTIVE}\n"), None).expect("the goal is set");
    let result = end(&turn).completed();
    assert_eq!(result["id"], turn.id().as_str());
    assert_eq!((messages(&result), &result["finalResponse"]), (vec!["one, two", "three"], &json!("three")));
    let sum = &result["usage"]["turn"];
    assert_eq!((&sum["inputTokens"], &sum["cachedInputTokens"]), (&json!(12), &json!(3)));
    assert_eq!((&sum["outputTokens"], &sum["reasoningOutputTokens"]), (&json!(6), &json!(3)));
    assert_eq!((&sum["totalTokens"], &result["usage"]["last"]["totalTokens"]), (&json!(18), &json!(6)));
    let seconds = |key: &str| result[key].as_i64().expect("a time");
    assert_eq!(seconds("durationMs"), (seconds("completedAt") - seconds("startedAt")) * 1000);
    let asked = world.model.requests();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].body().to_string().contains(OBJECTIVE), "the model knows the objective");
    assert_eq!(goal_of(&client, &thread)["objective"], OBJECTIVE, "blanks around it do not count");
}

fn its_events_have_one_beginning_one_end_and_one_id(world: &World) {
    takes_two_turns(world);
    let turn = pursue(&world.thread());
    let seen = events(&turn);
    for kind in [EventKind::TurnStarted, EventKind::TurnCompleted, EventKind::TurnEnded] {
        assert_eq!(count(&seen, kind), 1, "{kind:?}");
    }
    assert!(seen.iter().all(|event| turn_id(event) == turn.id().as_str()));
    assert_eq!(texts(&seen, EventKind::MessageDelta).concat(), "one, twothree");
}

fn a_goal_that_is_reached_at_once_takes_one_turn(world: &World) {
    world.says([reaches(), says("done")]);
    let result = end(&pursue(&world.thread())).completed();
    assert_eq!((messages(&result), world.model.requests().len()), (vec!["done"], 2));
}

fn a_goal_takes_the_place_of_the_one_before(world: &World) {
    let (client, thread) = client_and_thread(world);
    let set = |status: &str| json!({"threadId": thread.id().as_str(), "objective": "another", "status": status});
    call(&client, "thread/goal/set", set("paused"));
    takes_two_turns(world);
    end(&pursue(&thread)).completed();
    let goal = goal_of(&client, &thread);
    assert_eq!((&goal["objective"], &goal["status"]), (&json!(OBJECTIVE), &json!("complete")));
}

fn steering_reaches_the_turn_that_runs(world: &World) {
    world.says([says("one, two"), half(), reaches(), says("three")]);
    let turn = pursue(&world.thread());
    eventually("the second turn runs", || world.model.requests().len() == 2);
    turn.steer(Some("go on, please"), None).unwrap();
    assert_eq!(end(&turn).completed()["finalResponse"], "three");
    let asked: Vec<String> = world.model.requests().iter().map(|request| request.last_user_text()).collect();
    assert!(asked.iter().any(|text| text == "go on, please"), "{asked:?}");
}

fn after_the_end_there_is_nothing_to_steer(world: &World) {
    world.says([reaches(), says("done")]);
    let turn = pursue(&world.thread());
    end(&turn).completed();
    assert_eq!(turn.steer(Some("more"), None).unwrap_err().reason(), "noActiveTurn");
    turn.interrupt().unwrap();
    end(&turn).completed();
}

fn an_interrupt_pauses_the_goal_and_the_thread_is_usable(world: &World) {
    world.says([says("one, two"), half()]);
    let (client, thread) = client_and_thread(world);
    let turn = pursue(&thread);
    eventually("the second turn runs", || world.model.requests().len() == 2);
    turn.interrupt().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::TurnInterrupted, &json!("interrupted")));
    assert_eq!(messages(&result), ["one, two"]);
    assert_eq!(goal_of(&client, &thread)["status"], "paused");
    world.says([says("fine")]);
    assert_eq!(run(&thread, "go on").completed()["finalResponse"], "fine");
}

fn a_limit_pauses_the_goal(world: &World) {
    world.says([says("one"), says("two"), half()]);
    let (client, thread) = client_and_thread(world);
    let turn = Turn::pursue(&thread, OBJECTIVE, Some(r#"{"limits":{"maxTokens":10}}"#)).unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::Limit, &json!("tokenLimit")));
    assert_eq!(goal_of(&client, &thread)["status"], "paused");
}

fn a_failure_ends_the_goal_with_its_reason(world: &World) {
    let quota = json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "q"}});
    world.says([says("one"), Response::http(429, quota)]);
    let (client, thread) = client_and_thread(world);
    let (result, error) = end(&pursue(&thread)).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::TurnFailed, "usageLimitExceeded"));
    assert!(error.message().contains("Quota exceeded"), "{error}");
    assert_eq!((messages(&result), &result["endedBy"]), (vec!["one"], &json!("failed")));
    assert_eq!(goal_of(&client, &thread)["status"], "usageLimited");
    world.says([says("fine")]);
    run(&thread, "go on").completed();
}

fn a_goal_whose_model_breaks_off_is_blocked(world: &World) {
    world.says([says("one"), Response::new().failed("server_error", "boom from the model")]);
    let (client, thread) = client_and_thread(world);
    let (result, error) = end(&pursue(&thread)).not_completed();
    assert!(error.message().contains("boom from the model"), "{error}");
    assert_eq!((messages(&result), &result["endedBy"]), (vec!["one"], &json!("failed")));
    assert_eq!(goal_of(&client, &thread)["status"], "blocked");
    world.says([says("fine")]);
    run(&thread, "go on").completed();
}

fn a_freed_handle_lets_the_goal_go_on(world: &World) {
    takes_two_turns(world);
    let (client, thread) = client_and_thread(world);
    drop(pursue(&thread));
    eventually("the goal is reached", || goal_of(&client, &thread)["status"] == "complete");
}

fn a_runtime_that_is_killed_ends_the_goal(world: &World) {
    world.says([says("one"), half()]);
    let client = world.client();
    let turn = pursue(&thread_of(&client, json!({})));
    eventually("the second turn runs", || world.model.requests().len() == 2);
    assert!(signal(pid(&client), "KILL"));
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::Transport, &json!("transportClosed")));
    assert_eq!(messages(&result), ["one"]);
}

fn what_cannot_be_a_goal_is_refused_before_the_model_is_asked(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    assert_eq!(refused(&thread, " \n").status(), Status::InvalidArgument);
    assert_eq!(refused(&thread, &"x".repeat(4001)).reason(), "objectiveInvalid");
    assert_eq!(refused(&thread_of(&client, json!({"ephemeral": true})), OBJECTIVE).reason(), "threadEphemeral");
    let without = world.client_with(|options| options.add_config("features.goals=false").unwrap());
    assert_eq!(refused(&thread_of(&without, json!({})), OBJECTIVE).reason(), "goalsDisabled");
    assert!(world.model.requests().is_empty());
    world.model.queue_for("busy", half());
    let turn = start(&thread, "busy");
    until(&turn, EventKind::MessageDelta);
    assert_eq!(refused(&thread, OBJECTIVE).reason(), "turnRunning");
    turn.interrupt().unwrap();
    end(&turn).not_completed();
}

fn a_thread_with_a_goal_takes_no_other_turn(world: &World) {
    world.says([half()]);
    let thread = world.thread();
    let turn = pursue(&thread);
    until(&turn, EventKind::MessageDelta);
    let error = run_turn(&thread, Some("something else"), None).expect_err("the thread is taken");
    assert_eq!((error.status(), error.reason()), (Status::InvalidArgument, "goalActive"));
    turn.interrupt().unwrap();
    end(&turn).not_completed();
    assert_eq!(parsed(&thread.read(Turns::Excluded).unwrap())["thread"]["status"]["type"], "idle");
}

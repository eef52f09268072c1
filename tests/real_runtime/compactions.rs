//! Compacting the history of a thread: a turn that nobody's input begins.

use codex::engine::client::Client;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::thread::Thread;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response, Usage};
use serde_json::{Value, json};

use crate::support::follow::{PATIENCE, count, end, events, items, run, start, texts, until};
use crate::support::real::{World, on_both_runtimes, thread_of};

on_both_runtimes! {
    a_compaction_can_be_waited_for,
    a_compaction_tells_what_happens_in_it,
    a_compaction_counts_its_own_tokens_only,
    a_compaction_need_not_be_followed,
    a_compaction_goes_on_with_the_summary,
    a_compaction_that_the_model_fails_is_a_failed_turn,
    a_compaction_can_be_interrupted,
    a_compaction_interrupts_the_turn_that_runs,
    of_two_compactions_at_once_the_second_counts,
    input_during_a_compaction_is_refused,
    a_compaction_of_a_thread_that_nobody_knows_is_refused,
}

/// A thread with a turn behind it.
fn talked(world: &World) -> (Client, Thread) {
    world
        .model
        .queue_for("a colour?", Response::text(["blue"]).usage(Usage { input: 100, output: 7, ..Usage::default() }));
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    run(&thread, "a colour?").completed();
    (client, thread)
}

/// What the model answers when it is asked for a summary.
fn summary(world: &World, response: Response) {
    world.model.queue_for("CONTEXT CHECKPOINT", response);
}

fn slow_summary(world: &World) {
    summary(world, Response::new().message(Message::new("a").gate("summary").delta("summary")));
}

fn compact(thread: &Thread) -> Turn {
    Turn::compact(thread).expect("the compaction begins")
}

fn a_compaction_can_be_waited_for(world: &World) {
    let (_client, thread) = talked(world);
    summary(world, Response::text(["they spoke of blue"]));
    let turn = compact(&thread);
    assert!(!turn.id().as_str().is_empty());
    let result = end(&turn).completed();
    assert_eq!((&result["id"], &result["threadId"]), (&json!(turn.id().as_str()), &json!(thread.id().as_str())));
    assert_eq!(items(&result, "contextCompaction").len(), 1);
    assert_eq!(result["finalResponse"], Value::Null);
}

fn a_compaction_tells_what_happens_in_it(world: &World) {
    let (_client, thread) = talked(world);
    summary(world, Response::text(["they spoke of blue"]));
    let turn = compact(&thread);
    let events = events(&turn);
    assert_eq!(events[0].kind(), EventKind::TurnStarted);
    assert_eq!(events.last().map(|event| event.kind()), Some(EventKind::TurnEnded));
    assert_eq!((count(&events, EventKind::ItemStarted), count(&events, EventKind::ItemCompleted)), (1, 1));
    assert!(texts(&events, EventKind::MessageDelta).is_empty());
}

fn a_compaction_counts_its_own_tokens_only(world: &World) {
    let (_client, thread) = talked(world);
    summary(world, Response::text(["blue"]).usage(Usage { input: 50, output: 3, ..Usage::default() }));
    let usage = end(&compact(&thread)).completed()["usage"].clone();
    assert_eq!((&usage["turn"]["totalTokens"], &usage["total"]["totalTokens"]), (&json!(53), &json!(160)));
}

fn a_compaction_need_not_be_followed(world: &World) {
    let (_client, thread) = talked(world);
    summary(world, Response::text(["they spoke of blue"]));
    thread.compact().unwrap();
    let requests = world.model.wait_for_requests(2, PATIENCE);
    assert_eq!(requests[1].path(), "/v1/responses");
}

fn a_compaction_goes_on_with_the_summary(world: &World) {
    let (_client, thread) = talked(world);
    summary(world, Response::text(["they spoke of blue"]));
    end(&compact(&thread)).completed();
    world.model.queue_for("and now?", Response::text(["still blue"]));
    assert_eq!(run(&thread, "and now?").completed()["finalResponse"], "still blue");
    let input = json!(world.model.requests()[2].input()).to_string();
    assert!(input.contains("they spoke of blue"), "{input}");
}

fn a_compaction_that_the_model_fails_is_a_failed_turn(world: &World) {
    let (_client, thread) = talked(world);
    summary(world, Response::http(500, json!({"error": {"message": "no"}})));
    let (result, error) = end(&compact(&thread)).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::TurnFailed, "internalServerError"));
    assert_eq!(result["endedBy"], "failed");
}

fn a_compaction_can_be_interrupted(world: &World) {
    let (_client, thread) = talked(world);
    slow_summary(world);
    let turn = compact(&thread);
    until(&turn, EventKind::ItemStarted);
    turn.interrupt().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::TurnInterrupted, &json!("interrupted")));
    world.model.queue_for("again", Response::text(["fine"]));
    run(&thread, "again").completed();
}

fn a_compaction_interrupts_the_turn_that_runs(world: &World) {
    let (_client, thread) = talked(world);
    world.model.queue_for("first", Response::new().message(Message::new("half").hang()));
    let first = start(&thread, "first");
    until(&first, EventKind::MessageDelta);
    summary(world, Response::text(["they spoke of blue"]));
    let compaction = compact(&thread);
    assert_ne!(compaction.id().as_str(), first.id().as_str());
    let (result, error) = end(&first).not_completed();
    assert_eq!((error.status(), &result["partialResponse"]), (Status::TurnInterrupted, &json!("half")));
    assert_eq!(items(&end(&compaction).completed(), "contextCompaction").len(), 1);
}

fn of_two_compactions_at_once_the_second_counts(world: &World) {
    let (_client, thread) = talked(world);
    slow_summary(world);
    let first = compact(&thread);
    summary(world, Response::text(["they spoke of blue"]));
    let second = compact(&thread);
    world.model.gate("summary").release();
    assert_eq!(end(&first).not_completed().1.status(), Status::TurnInterrupted);
    end(&second).completed();
    assert_ne!(first.id().as_str(), second.id().as_str());
}

fn input_during_a_compaction_is_refused(world: &World) {
    let (_client, thread) = talked(world);
    slow_summary(world);
    let turn = compact(&thread);
    until(&turn, EventKind::ItemStarted);
    let refused = Turn::start(&thread, Some("me too"), None).unwrap_err();
    assert_eq!(refused.reason(), "activeTurnNotSteerable");
    assert!(refused.message().contains("wait for its end"), "{refused}");
    assert_eq!(turn.steer(Some("faster"), None).unwrap_err().reason(), "activeTurnNotSteerable");
    world.model.gate("summary").release();
    end(&turn).completed();
}

fn a_compaction_of_a_thread_that_nobody_knows_is_refused(world: &World) {
    let thread = Thread::from_id(&world.client(), "01a20343-d634-7000-8000-000000000000").unwrap();
    assert_eq!(thread.compact().unwrap_err().reason(), "threadNotFound");
    assert_eq!(Turn::compact(&thread).unwrap_err().reason(), "threadNotFound");
}

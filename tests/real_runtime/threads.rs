//! Threads: named, read, listed, stored, resumed, forked, and owned by one process at a time.

use std::thread::sleep;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use codex::engine::thread::{self, Origin, Thread, Turns};
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::support::follow::{PATIENCE, begin, end, items, parsed, run, run_with, start, until, until_client};
use crate::support::real::{World, call, on_both_runtimes, stats, thread_of};

on_both_runtimes! {
    a_thread_that_has_begun_takes_turns_before_it_is_ready,
    a_thread_that_has_begun_tells_when_it_is_ready,
    a_thread_that_cannot_be_opened_fails_the_turns_that_wait_for_it,
    a_turn_that_waits_for_its_thread_can_be_interrupted,
    the_info_of_a_thread_says_what_was_resolved,
    a_name_can_be_read_back,
    turns_can_be_read_back_in_their_order,
    an_ephemeral_thread_runs_and_is_never_stored,
    a_stored_thread_goes_on_in_a_new_client,
    a_resumed_thread_brings_its_turns_when_asked,
    the_policy_of_a_thread_survives_a_resume,
    the_policy_of_a_turn_counts_for_the_turns_after_it,
    a_fork_has_the_past_and_a_life_of_its_own,
    threads_are_listed_by_what_is_asked_for,
    threads_are_listed_in_pages,
    archived_threads_are_listed_apart,
    an_archived_thread_is_not_resumed_until_it_is_unarchived,
    a_thread_that_is_not_archived_cannot_be_unarchived,
    archiving_interrupts_the_turn_that_runs,
    a_deleted_thread_is_gone,
    deleting_interrupts_the_turn_that_runs,
    an_ephemeral_thread_cannot_be_put_away,
    an_unsubscribed_thread_is_unloaded,
    no_turn_starts_on_an_unsubscribed_thread_until_it_is_resumed,
    a_thread_is_not_unsubscribed_under_a_turn,
    what_is_done_to_a_begun_thread_waits_for_it,
    a_thread_has_one_writer_at_a_time,
    a_thread_that_nobody_knows_is_not_resumed,
    a_thread_id_that_is_none_is_refused,
    parameters_that_the_library_does_not_know_reach_the_runtime,
    parameters_that_make_no_sense_are_refused_before_they_are_sent,
}

fn refused(client: &Client, method: &str, params: Value) -> Error {
    client.call(method, Some(&params.to_string()), Timeout::Default).expect_err("the runtime refuses")
}

/// A thread with one turn behind it, and its client.
fn stored_thread(world: &World) -> (Client, Thread) {
    world.says([Response::text(["blue"])]);
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    run(&thread, "a colour?").completed();
    (client, thread)
}

/// The ids of the listed threads.
fn listed(client: &Client, params: Value) -> Vec<String> {
    ids(&page(client, params))
}

fn page(client: &Client, params: Value) -> Value {
    parsed(&thread::list(client, Some(&params.to_string())).expect("the list"))
}

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .expect("threads")
        .iter()
        .filter_map(|thread| thread["id"].as_str())
        .map(Into::into)
        .collect()
}

fn a_thread_that_has_begun_takes_turns_before_it_is_ready(world: &World) {
    world.says([Response::text(["blue"])]);
    let thread = Thread::begin(&world.client(), Origin::New, None).unwrap();
    let turn = begin(&thread, "a colour?");
    let result = end(&turn).completed();
    assert_eq!((&result["finalResponse"], &result["threadId"]), (&json!("blue"), &json!(thread.id().as_str())));
    assert!(!thread.id().as_str().is_empty());
}

fn a_thread_that_has_begun_tells_when_it_is_ready(world: &World) {
    let client = world.client();
    let thread = Thread::begin(&client, Origin::New, None).unwrap();
    thread.set_user_data(7).unwrap();
    let ready = until_client(&client, |event| event.kind() == EventKind::ThreadReady);
    assert_eq!((ready.thread_id(), ready.user_data()), (thread.id().with_nul(), 7));
    assert_eq!(parsed(ready.json_str()), parsed(thread.info().as_str()));
}

const UNKNOWN: &str = "01a20343-d634-7000-8000-000000000000";

fn a_thread_that_cannot_be_opened_fails_the_turns_that_wait_for_it(world: &World) {
    let client = world.client();
    let thread = Thread::begin(&client, Origin::Stored(UNKNOWN), None).unwrap();
    let turn = begin(&thread, "go");
    let (result, error) = end(&turn).not_completed();
    assert_eq!((result, error.reason()), (Value::Null, "threadNotFound"));
    let ready = until_client(&client, |event| event.kind() == EventKind::ThreadReady);
    assert_eq!(ready.error().map(|error| error.reason()), Some("threadNotFound"));
}

fn a_turn_that_waits_for_its_thread_can_be_interrupted(world: &World) {
    world.model.queue_for("first", Response::hang());
    let thread = Thread::begin(&world.client(), Origin::New, None).unwrap();
    let turn = begin(&thread, "first");
    turn.interrupt().unwrap();
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
    world.model.queue_for("second", Response::text(["fine"]));
    assert_eq!(run(&thread, "second").completed()["finalResponse"], "fine");
}

fn the_info_of_a_thread_says_what_was_resolved(world: &World) {
    let thread =
        world.thread_with(json!({"model": "gpt-5.5", "approvalMode": "denyAll", "sandbox": "workspace-write"}));
    let info = parsed(thread.info().as_str());
    assert_eq!(info["thread"]["id"], thread.id().as_str());
    assert_eq!((&info["model"], &info["approvalPolicy"]), (&json!("gpt-5.5"), &json!("never")));
    assert_eq!(info["sandbox"]["type"], "workspaceWrite");
    assert_eq!(info["cwd"], world.work().to_str().unwrap());
}

fn a_name_can_be_read_back(world: &World) {
    let (_client, thread) = stored_thread(world);
    thread.set_name("colours").unwrap();
    assert_eq!(parsed(&thread.read(Turns::Excluded).unwrap())["thread"]["name"], "colours");
}

fn turns_can_be_read_back_in_their_order(world: &World) {
    let (_client, thread) = stored_thread(world);
    world.says([Response::text(["green"])]);
    run(&thread, "another?").completed();
    let read = parsed(&thread.read(Turns::Included).unwrap());
    let turns = read["thread"]["turns"].as_array().expect("turns");
    let said = |turn: &Value| {
        let asked = items(turn, "userMessage")[0]["content"][0]["text"].clone();
        (asked, items(turn, "agentMessage")[0]["text"].clone())
    };
    let expected = [(json!("a colour?"), json!("blue")), (json!("another?"), json!("green"))];
    assert_eq!(turns.iter().map(said).collect::<Vec<_>>(), expected);
}

fn an_ephemeral_thread_runs_and_is_never_stored(world: &World) {
    world.says([Response::text(["blue"])]);
    let client = world.client();
    let thread = thread_of(&client, json!({"ephemeral": true}));
    assert_eq!(parsed(thread.info().as_str())["thread"]["path"], Value::Null);
    run(&thread, "a colour?").completed();
    assert!(!listed(&client, json!({})).contains(&thread.id().as_str().to_owned()));
    assert_eq!(thread.read(Turns::Included).unwrap_err().reason(), "threadEphemeral");
}

fn a_stored_thread_goes_on_in_a_new_client(world: &World) {
    let (client, thread) = stored_thread(world);
    client.close(PATIENCE).unwrap();
    world.says([Response::text(["as I said"])]);
    let resumed = Thread::resume(&world.client(), thread.id().as_str(), None).unwrap();
    assert_eq!(resumed.id().as_str(), thread.id().as_str());
    run(&resumed, "which one?").completed();
    let input = json!(world.model.requests()[1].input()).to_string();
    assert!(input.contains("a colour?") && input.contains("blue"), "{input}");
}

fn a_resumed_thread_brings_its_turns_when_asked(world: &World) {
    let (client, thread) = stored_thread(world);
    let turns = |params: &str| {
        let resumed = Thread::resume(&client, thread.id().as_str(), Some(params)).unwrap();
        parsed(resumed.info().as_str())["thread"]["turns"].as_array().expect("turns").len()
    };
    assert_eq!((turns(r#"{"includeTurns":true}"#), turns(r#"{"includeTurns":false}"#)), (1, 0));
}

fn the_policy_of_a_thread_survives_a_resume(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = world.client();
    let thread = thread_of(&client, json!({"approvalMode": "denyAll"}));
    run(&thread, "go").completed();
    client.close(PATIENCE).unwrap();
    let resumed = Thread::resume(&world.client(), thread.id().as_str(), None).unwrap();
    assert_eq!(parsed(resumed.info().as_str())["approvalPolicy"], "never");
}

fn the_policy_of_a_turn_counts_for_the_turns_after_it(world: &World) {
    let (client, thread) = stored_thread(world);
    let policy = || {
        let resumed = Thread::resume(&client, thread.id().as_str(), None).unwrap();
        parsed(resumed.info().as_str())["approvalPolicy"].clone()
    };
    assert_eq!(policy(), "on-request");
    world.says([Response::text(["1"]), Response::text(["2"])]);
    run_with(&thread, "go", r#"{"approvalMode":"denyAll"}"#).completed();
    run(&thread, "go on").completed();
    assert_eq!(policy(), "never");
}

fn a_fork_has_the_past_and_a_life_of_its_own(world: &World) {
    let (client, thread) = stored_thread(world);
    let fork = Thread::open(&client, Origin::Fork(thread.id().as_str()), None).unwrap();
    assert_ne!(fork.id().as_str(), thread.id().as_str());
    assert_eq!(parsed(fork.info().as_str())["thread"]["forkedFromId"], thread.id().as_str());
    world.says([Response::text(["again blue"])]);
    run(&fork, "and here?").completed();
    assert!(json!(world.model.requests()[1].input()).to_string().contains("a colour?"));
    let turns =
        |thread: &Thread| parsed(&thread.read(Turns::Included).unwrap())["thread"]["turns"].as_array().unwrap().len();
    assert_eq!((turns(&thread), turns(&fork)), (1, 2));
}

/// Another thread of a client, with one turn behind it.
fn another(world: &World, client: &Client, input: &str, params: Value) -> Thread {
    world.says([Response::text(["fine"])]);
    let thread = thread_of(client, params);
    run(&thread, input).completed();
    thread
}

fn threads_are_listed_by_what_is_asked_for(world: &World) {
    let (client, first) = stored_thread(world);
    let elsewhere = world.codex_home();
    let second = another(world, &client, "a number?", json!({"cwd": elsewhere}));
    let (first, second) = (first.id().as_str(), second.id().as_str());
    assert_eq!(listed(&client, json!({"cwd": elsewhere})), [second]);
    assert_eq!(listed(&client, json!({"searchTerm": "colour"})), [first]);
    assert_eq!(listed(&client, json!({"modelProviders": ["nobody"]})), Vec::<String>::new());
    let by_age = |direction: &str| listed(&client, json!({"sortKey": "created_at", "sortDirection": direction}));
    assert_eq!((by_age("asc"), by_age("desc")), (vec![first.into(), second.into()], vec![second.into(), first.into()]));
}

fn threads_are_listed_in_pages(world: &World) {
    let client = world.client();
    let mut expected = Vec::new();
    for number in ["one", "two", "three"] {
        expected.insert(0, another(world, &client, number, json!({})).id().as_str().to_owned());
        // The cursors of 0.163.0 are whole seconds.
        sleep(Duration::from_millis(1100));
    }
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = page(&client, json!({"limit": 1, "cursor": cursor}));
        assert_eq!(ids(&page).len(), 1);
        found.extend(ids(&page));
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(found, expected);
}

fn archived_threads_are_listed_apart(world: &World) {
    let (client, archived) = stored_thread(world);
    world.says([Response::text(["red"])]);
    let active = thread_of(&client, json!({}));
    run(&active, "go").completed();
    archived.archive().unwrap();
    assert_eq!(listed(&client, json!({"archived": false})), [active.id().as_str()]);
    assert_eq!(listed(&client, json!({"archived": true})), [archived.id().as_str()]);
}

fn an_archived_thread_is_not_resumed_until_it_is_unarchived(world: &World) {
    let (client, thread) = stored_thread(world);
    thread.archive().unwrap();
    let error = Thread::resume(&client, thread.id().as_str(), None).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Rpc, "threadArchived"));
    thread::unarchive(&client, thread.id().as_str()).unwrap();
    world.says([Response::text(["back"])]);
    let resumed = Thread::resume(&client, thread.id().as_str(), None).unwrap();
    assert_eq!(run(&resumed, "there?").completed()["finalResponse"], "back");
}

fn a_thread_that_is_not_archived_cannot_be_unarchived(world: &World) {
    let (client, thread) = stored_thread(world);
    let unarchive = || thread::unarchive(&client, thread.id().as_str());
    thread.archive().unwrap();
    unarchive().unwrap();
    let error = unarchive().unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Rpc, "threadNotArchived"));
    assert_eq!(thread::unarchive(&client, "").unwrap_err().status(), Status::InvalidArgument);
}

/// A turn that has said "half" and will say nothing more.
fn half(world: &World, thread: &Thread) -> Turn {
    world.says([Response::new().message(Message::new("half").hang())]);
    let turn = start(thread, "go");
    until(&turn, EventKind::MessageDelta);
    turn
}

fn archiving_interrupts_the_turn_that_runs(world: &World) {
    let (_client, thread) = stored_thread(world);
    let turn = half(world, &thread);
    thread.archive().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["partialResponse"]), (Status::TurnInterrupted, &json!("half")));
}

fn a_deleted_thread_is_gone(world: &World) {
    let (client, thread) = stored_thread(world);
    thread.delete().unwrap();
    assert_eq!(listed(&client, json!({})), Vec::<String>::new());
    assert_eq!(Thread::resume(&client, thread.id().as_str(), None).unwrap_err().reason(), "threadNotFound");
    assert_eq!(Turn::start(&thread, Some("there?"), None).unwrap_err().reason(), "threadNotFound");
    assert_eq!(thread.delete().unwrap_err().reason(), "threadNotFound");
}

fn deleting_interrupts_the_turn_that_runs(world: &World) {
    let (_client, thread) = stored_thread(world);
    let turn = half(world, &thread);
    thread.delete().unwrap();
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
}

fn an_ephemeral_thread_cannot_be_put_away(world: &World) {
    let thread = world.thread_with(json!({"ephemeral": true}));
    assert_eq!(thread.archive().unwrap_err().reason(), "threadNotFound");
    assert_eq!(thread.delete().unwrap_err().reason(), "threadEphemeral");
}

fn an_unsubscribed_thread_is_unloaded(world: &World) {
    let (client, thread) = stored_thread(world);
    thread.unsubscribe().unwrap();
    thread.unsubscribe().unwrap();
    assert_eq!(parsed(&thread.read(Turns::Included).unwrap())["thread"]["turns"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        call(&client, "thread/unsubscribe", json!({"threadId": thread.id().as_str()}))["status"],
        "notSubscribed"
    );
}

fn no_turn_starts_on_an_unsubscribed_thread_until_it_is_resumed(world: &World) {
    let (client, thread) = stored_thread(world);
    thread.unsubscribe().unwrap();
    let refused = Turn::start(&thread, Some("there?"), None).unwrap_err();
    assert_eq!((refused.status(), refused.reason()), (Status::InvalidArgument, "threadNotSubscribed"));
    assert_eq!(Turn::attach(&thread, None).unwrap_err().reason(), "threadNotSubscribed");
    Thread::resume(&client, thread.id().as_str(), None).unwrap();
    world.says([Response::text(["yes"])]);
    assert_eq!(run(&thread, "there?").completed()["finalResponse"], "yes");
}

fn a_thread_is_not_unsubscribed_under_a_turn(world: &World) {
    let (_client, thread) = stored_thread(world);
    let turn = half(world, &thread);
    let refused = thread.unsubscribe().unwrap_err();
    assert_eq!((refused.status(), refused.reason()), (Status::InvalidArgument, "turnRunning"));
    drop(turn);
    thread.unsubscribe().unwrap();
}

fn what_is_done_to_a_begun_thread_waits_for_it(world: &World) {
    let (client, thread) = stored_thread(world);
    let begun = Thread::begin(&client, Origin::Fork(thread.id().as_str()), None).unwrap();
    begun.archive().unwrap();
    assert_eq!(listed(&client, json!({"archived": true})), [begun.id().as_str()]);
    let missing = Thread::begin(&client, Origin::Stored(UNKNOWN), None).unwrap();
    assert_eq!(missing.unsubscribe().unwrap_err().reason(), "threadNotFound");
}

fn a_thread_has_one_writer_at_a_time(world: &World) {
    let (_client, thread) = stored_thread(world);
    let other = world.client();
    let error = Thread::resume(&other, thread.id().as_str(), None).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Rpc, "activeWriter"));
    assert!(error.message().contains("close it there"), "{error}");
    assert_eq!(listed(&other, json!({})), [thread.id().as_str()]);
}

fn a_thread_that_nobody_knows_is_not_resumed(world: &World) {
    let error = Thread::resume(&world.client(), UNKNOWN, None).unwrap_err();
    assert_eq!((error.status(), error.reason(), error.rpc_code()), (Status::Rpc, "threadNotFound", -32600));
}

fn a_thread_id_that_is_none_is_refused(world: &World) {
    let client = world.client();
    assert_eq!(refused(&client, "thread/read", json!({"threadId": "nonsense"})).reason(), "invalidThreadId");
    assert_eq!(Thread::from_id(&client, "").unwrap_err().status(), Status::InvalidArgument);
}

fn parameters_that_the_library_does_not_know_reach_the_runtime(world: &World) {
    world.says([Response::text(["fine"])]);
    let thread = world.thread_with(json!({"developerInstructions": "speak softly"}));
    run_with(&thread, "go", r#"{"raw":{"outputSchema":{"type":"object"}}}"#).completed();
    let body = world.model.requests()[0].body().clone();
    assert!(body["input"].to_string().contains("speak softly"));
    assert_eq!(body["text"]["format"]["schema"], json!({"type": "object"}));
}

fn parameters_that_make_no_sense_are_refused_before_they_are_sent(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    type Use<'a> = &'a dyn Fn(Option<&str>) -> Error;
    let uses: [Use<'_>; 4] = [
        &|params| Thread::start(&client, params).unwrap_err(),
        &|params| Thread::resume(&client, UNKNOWN, params).unwrap_err(),
        &|params| Thread::open(&client, Origin::Fork(UNKNOWN), params).unwrap_err(),
        &|params| Turn::start(&thread, Some("go"), params).unwrap_err(),
    ];
    let sent = || stats(&client)["sentMessages"].clone();
    let before = sent();
    for refused in uses {
        let status = |params: &str| refused(Some(params)).status();
        assert_eq!(status(r#"{"approvalMode":"perhaps"}"#), Status::InvalidArgument);
        assert_eq!(status(r#"{"sandbox":"full-access"}"#), Status::InvalidArgument);
        assert_eq!(status(r#"{"limits":{"timeout":1}}"#), Status::InvalidArgument);
        assert_eq!(status(r#"["an array"]"#), Status::InvalidArgument);
        assert_eq!(status(r#"{"cut": "#), Status::InvalidJson);
    }
    assert_eq!(before, sent());
}

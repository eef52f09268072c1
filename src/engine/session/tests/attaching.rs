//! The end of a turn that was attached to: while a turn runs, the runtime may have told an item that it does not list yet, so its
//! items are listed once more before the handles are told of the end.

use super::*;
use crate::engine::session::ceiling::RESERVE;

fn said(text: &str) -> Value {
    json!({"type": "agentMessage", "id": format!("m-{text}"), "phase": null, "text": text})
}

fn listed(texts: &[&str]) -> Value {
    texts.iter().map(|text| json!({"turnId": TURN, "item": said(text)})).collect()
}

fn texts(talk: &Talk, handle: HandleId) -> Vec<String> {
    let items = talk.end(handle).0.unwrap()["items"].clone();
    items.as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

/// Begins to attach to the turn, which is named; the answer is still to come.
fn begin_attach_to_turn(talk: &mut Talk, limits: Limits) -> HandleId {
    let start = TurnStart { params: "", limits, ..plain_start(talk.thread(THREAD)) };
    talk.session.attach_turn(talk.now, Some(TURN), &start).unwrap()
}

/// A turn that was attached to and has been reported complete, before its items are listed again.
fn reported() -> (Talk, HandleId) {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.attach(thread, TURN, listed(&["first"]));
    talk.turn_completed("completed");
    assert!(talk.runs(handle));
    (talk, handle)
}

fn completes_with(talk: &Talk, handle: HandleId, expected: &[&str]) {
    let (result, error) = talk.end(handle);
    assert_eq!((&result.unwrap()["endedBy"], error), (&"completed".into(), None));
    assert_eq!(texts(talk, handle), expected);
}

#[test]
fn an_item_that_was_told_before_attaching_and_listed_only_after_the_end_is_in_the_result() {
    let (mut talk, handle) = reported();
    talk.answer_items(TURN, listed(&["first", "last"]));
    completes_with(&talk, handle, &["first", "last"]);
    assert_eq!(talk.end(handle).0.unwrap()["finalResponse"], "last");
    assert_eq!(talk.kinds(handle), [EventKind::TurnCompleted, EventKind::TurnEnded]);
}

#[test]
fn an_item_that_is_listed_late_takes_its_place_among_those_that_were_told() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.attach(thread, TURN, listed(&["first"]));
    talk.message("last");
    talk.turn_completed("completed");
    talk.answer_items(TURN, listed(&["before", "first", "between", "last"]));
    completes_with(&talk, handle, &["before", "first", "between", "last"]);
}

#[test]
fn all_pages_of_the_last_list_count() {
    let (mut talk, handle) = reported();
    let id = talk.asked_for_items(TURN);
    talk.hear(json!({"id": id, "result": {"data": listed(&["first", "second"]), "nextCursor": "more"}}));
    let page = talk.written().pop().unwrap();
    assert_eq!(page["params"]["cursor"], "more");
    talk.hear(json!({"id": page["id"], "result": {"data": listed(&["third"]), "nextCursor": null}}));
    completes_with(&talk, handle, &["first", "second", "third"]);
}

#[test]
fn an_attached_turn_whose_last_list_cannot_be_had_ends_as_reported() {
    let failures: [fn(&mut Talk); 5] = [
        |talk| talk.refuse_items(TURN),
        |talk| talk.answer_items(TURN, json!("no list")),
        |talk| talk.pass(seconds(10)),
        |talk| talk.session.lost(talk.now, Error::new(Status::Transport, "gone")),
        |talk| talk.session.close(talk.now),
    ];
    for fail in failures {
        let (mut talk, handle) = reported();
        fail(&mut talk);
        completes_with(&talk, handle, &["first"]);
    }
}

#[test]
fn neither_an_interrupt_nor_a_limit_changes_how_a_turn_ended_whose_items_are_listed() {
    let acts: [fn(&mut Talk, HandleId); 2] =
        [|talk, handle| talk.session.interrupt_turn(talk.now, handle), |talk, _| talk.pass(seconds(2))];
    for act in acts {
        let mut talk = Talk::new();
        let limits =
            Limits::default().changed_by(r#"{"timeoutMs":1000,"idleTimeoutMs":1000,"silenceMs":1000}"#).unwrap();
        let handle = begin_attach_to_turn(&mut talk, limits);
        talk.answer_turns(TURN);
        talk.answer_items(TURN, json!([]));
        talk.turn_completed("completed");
        let list = talk.asked_for_items(TURN);
        act(&mut talk, handle);
        assert!(talk.written().is_empty());
        talk.hear(json!({"id": list, "result": {"data": listed(&["last"])}}));
        completes_with(&talk, handle, &["last"]);
    }
}

#[test]
fn an_interrupt_of_a_turn_that_was_over_when_it_was_attached_to_is_not_sent_to_another() {
    let mut talk = Talk::new();
    let handle = begin_attach_to_turn(&mut talk, Limits::default());
    talk.answer_turns_with(TURN, "completed");
    let list = talk.asked_for_items(TURN);
    talk.session.interrupt_turn(talk.now, handle);
    assert!(talk.written().is_empty());
    talk.hear(json!({"id": list, "result": {"data": listed(&["all"])}}));
    completes_with(&talk, handle, &["all"]);
}

#[test]
fn an_interrupted_turn_that_was_attached_to_ends_interrupted() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.attach(thread, TURN, json!([]));
    talk.session.interrupt_turn(talk.now, handle);
    talk.written();
    talk.turn_completed("interrupted");
    talk.answer_items(TURN, listed(&["first"]));
    assert_eq!((texts(&talk, handle), talk.end(handle).1), (vec!["first".into()], Some(Status::TurnInterrupted)));
}

#[test]
fn what_comes_after_the_end_of_an_attached_turn_is_the_clients() {
    let (mut talk, handle) = reported();
    talk.session.open_client_queue();
    talk.message("too late");
    talk.answer_items(TURN, listed(&["first"]));
    completes_with(&talk, handle, &["first"]);
    assert_eq!(talk.client_methods(), ["item/completed"]);
}

#[test]
fn a_start_that_joined_an_attached_turn_ends_with_it_although_it_is_answered_after_the_end() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let attached = talk.attach(thread, TURN, json!([]));
    let (joined, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.turn_completed("completed");
    let list = talk.asked_for_items(TURN);
    talk.answer_start(id, TURN);
    talk.hear(json!({"id": list, "result": {"data": listed(&["last"])}}));
    for handle in [attached, joined] {
        completes_with(&talk, handle, &["last"]);
        assert_eq!(talk.kinds(handle), [EventKind::TurnCompleted, EventKind::TurnEnded]);
    }
}

#[test]
fn a_turn_that_is_attached_to_while_its_items_are_listed_ends_with_the_same_result() {
    let (mut talk, first) = reported();
    let last_list = talk.asked_for_items(TURN);
    let second = begin_attach_to_turn(&mut talk, Limits::default());
    let turns = talk.written().pop().unwrap()["id"].clone();
    talk.hear(json!({"id": turns, "result": {"data": [{"id": TURN, "status": "completed"}]}}));
    talk.hear(json!({"id": last_list, "result": {"data": listed(&["last", "first"])}}));
    for handle in [first, second] {
        completes_with(&talk, handle, &["last", "first"]);
    }
}

#[test]
fn a_start_ends_too_whose_attached_turn_was_let_go_while_its_items_are_listed() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let attached = talk.attach(thread, TURN, json!([]));
    let (joined, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.message("told");
    talk.turn_completed("completed");
    talk.session.free_turn(talk.now, attached);
    talk.answer_start(id, TURN);
    completes_with(&talk, joined, &["told"]);
    assert_eq!((talk.session.slots.len(), talk.session.by_turn.len()), (0, 0));
}

#[test]
fn a_turn_whose_beginning_was_heard_has_all_its_items_without_asking_again() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.begin_attach(thread);
    talk.turn_started();
    talk.answer_turns(TURN);
    talk.answer_items(TURN, json!([]));
    talk.message("first");
    talk.turn_completed("completed");
    assert!(talk.written().is_empty());
    completes_with(&talk, handle, &["first"]);
}

#[test]
fn the_items_of_a_turn_are_listed_that_ended_while_it_was_looked_for() {
    let mut talk = Talk::new();
    let handle = begin_attach_to_turn(&mut talk, Limits::default());
    let turns = talk.written().pop().unwrap()["id"].clone();
    talk.turn_completed("completed");
    talk.hear(json!({"id": turns, "result": {"data": [{"id": TURN, "status": "completed"}]}}));
    talk.answer_items(TURN, listed(&["first"]));
    completes_with(&talk, handle, &["first"]);
}

#[test]
fn the_last_list_is_read_although_the_queues_are_full() {
    let (mut talk, handle) = reported();
    talk.session.config.max_queued_bytes = 1;
    assert_eq!(talk.session.look_around(talk.now).reading, Reading::Allowed);
    talk.answer_items(TURN, listed(&["first", "last"]));
    completes_with(&talk, handle, &["first", "last"]);
    assert_eq!(talk.session.look_around(talk.now).reading, Reading::HeldBack);
}

#[test]
fn a_turn_ends_as_reported_whose_last_list_lies_behind_more_than_is_read_past_the_ceiling() {
    let (mut talk, handle) = reported();
    talk.session.config.max_queued_bytes = 1;
    talk.session.queued_bytes += RESERVE;
    talk.session.look_around(talk.now);
    completes_with(&talk, handle, &["first"]);
}

#[test]
fn the_commands_of_an_attached_turn_end_before_its_items_are_listed() {
    let ends: [fn(&mut Talk); 2] = [
        |talk| {
            let item = json!({"type": "commandExecution", "id": "c", "status": "failed", "text": "told"});
            talk.event("item/completed", json!({ "item": item }));
        },
        |talk| talk.pass(seconds(2)),
    ];
    for end in ends {
        let mut talk = Talk::with(|config| config.interrupts = Interrupts::TurnAndCommands);
        let thread = talk.thread(THREAD);
        let handle = talk.attach(thread, TURN, json!([]));
        let item = json!({"type": "commandExecution", "id": "c", "processId": "77", "status": "inProgress"});
        talk.event("item/started", json!({ "item": item }));
        talk.session.interrupt_turn(talk.now, handle);
        talk.turn_completed("interrupted");
        assert_eq!(talk.written_methods(), ["turn/interrupt", "thread/backgroundTerminals/terminate"]);
        end(&mut talk);
        let listed = json!({"type": "commandExecution", "id": "c", "status": "failed", "text": "listed"});
        talk.answer_items(TURN, json!([{"turnId": TURN, "item": listed}]));
        assert_eq!((texts(&talk, handle).len(), talk.end(handle).1), (1, Some(Status::TurnInterrupted)));
    }
}

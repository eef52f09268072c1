use super::*;
use crate::engine::request::Scope;

const COMMAND: &str = "item/commandExecution/requestApproval";

impl Talk {
    fn ask(&mut self, id: i64, method: &str) {
        let params = json!({"threadId": THREAD, "turnId": TURN, "itemId": "c"});
        self.hear(json!({"id": id, "method": method, "params": params}));
    }

    /// The request of the next event of a handle.
    fn delivered(&mut self, handle: HandleId) -> QuestionId {
        let event = self.events(handle).into_iter().find(|event| event.kind() == EventKind::Request).unwrap();
        assert!(self.session.take_question(self.now, event.request_id()).is_some());
        event.request_id()
    }

    fn answers(&mut self) -> Vec<Value> {
        self.written().into_iter().filter(|line| line.get("method").is_none()).collect()
    }
}

fn resolved(events: &[Event], id: QuestionId) -> bool {
    events.iter().any(|event| event.kind() == EventKind::RequestResolved && event.request_id() == id)
}

#[test]
fn an_approval_is_answered_in_its_own_words_and_confirmed() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    talk.session.answer(talk.now, id, &Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "accept"}})]);
    let twice = talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err();
    assert_eq!(twice.status(), Status::AlreadyAnswered);
    talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
    assert!(resolved(&talk.events(handle), id));
}

#[test]
fn an_answer_that_does_not_fit_leaves_the_request_open() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, "item/tool/call");
    let id = talk.delivered(handle);
    let error = talk.session.answer(talk.now, id, &Answer::Approve(Scope::Once)).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    talk.session.answer(talk.now, id, &Answer::Decline).unwrap();
    assert_eq!(talk.answers()[0]["result"]["success"], false);
    assert!(resolved(&talk.events(handle), id), "the runtime does not confirm tool calls");
}

#[test]
fn what_nobody_listens_to_is_declined_at_once() {
    let mut talk = Talk::new();
    talk.running(Delivery::Discarded, Limits::default());
    talk.ask(3, COMMAND);
    assert_eq!(talk.answers(), [json!({"id": 3, "result": {"decision": "decline"}})]);
}

#[test]
fn a_request_without_a_turn_handle_goes_to_the_client_queue_if_it_is_read() {
    let mut talk = Talk::new();
    talk.ask(1, COMMAND);
    assert_eq!(talk.answers().len(), 1, "nobody reads");
    talk.session.open_client_queue();
    talk.ask(2, COMMAND);
    assert!(talk.answers().is_empty());
    assert_eq!(talk.client_methods(), [COMMAND]);
}

#[test]
fn a_request_that_nobody_reads_is_declined_after_a_minute() {
    let mut talk = Talk::new();
    talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.pass(seconds(59));
    assert!(talk.answers().is_empty());
    talk.pass(seconds(1));
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn a_host_that_waits_without_reading_declines() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.session.discard_turn_events(talk.now, handle);
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn a_request_that_is_let_go_is_declined() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    talk.session.release_question(talk.now, id);
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn the_answer_timeout_declines_what_the_host_keeps() {
    let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(10)));
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.delivered(handle);
    talk.pass(seconds(9));
    assert!(talk.answers().is_empty());
    talk.pass(seconds(1));
    assert_eq!(talk.answers().len(), 1);
}

#[test]
fn a_host_that_has_a_request_may_take_longer_than_a_minute() {
    let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(120)));
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.delivered(handle);
    talk.pass(seconds(119));
    assert!(talk.answers().is_empty());
}

#[test]
fn the_end_of_a_turn_cancels_its_requests_before_the_last_event() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    let snapshot = talk.session.take_question(talk.now, id).unwrap();
    talk.session.set_cancel_hook(id, CancelHook::new(|| ()));
    talk.turn_completed("interrupted");
    assert!(snapshot.cancelled.load(std::sync::atomic::Ordering::Acquire));
    assert_eq!(talk.session.take_effects().unwrap().cancelled.len(), 1);
    let kinds = talk.kinds(handle);
    assert_eq!(kinds, [EventKind::TurnCompleted, EventKind::RequestResolved, EventKind::TurnEnded]);
    let late = talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err();
    assert_eq!(late.status(), Status::AlreadyAnswered);
    assert!(talk.answers().is_empty());
}

#[test]
fn an_answer_of_somebody_else_cancels() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
    assert_eq!(talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
}

#[test]
fn the_ids_of_both_sides_may_overlap() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    let wire_id = talk.written()[0]["id"].as_i64().unwrap();
    talk.ask(wire_id, COMMAND);
    talk.hear(json!({"id": wire_id, "result": {"mine": true}}));
    assert_eq!(talk.session.take_answer(call).unwrap().unwrap(), r#"{"mine":true}"#);
    talk.delivered(handle);
}

#[test]
fn cancelling_ends_the_turn_whatever_was_asked() {
    for (method, expected) in
        [(COMMAND, json!({"decision": "cancel"})), ("item/tool/requestUserInput", json!({"answers": {}}))]
    {
        let mut talk = Talk::new();
        let handle = talk.running(Delivery::Kept, Limits::default());
        talk.ask(0, method);
        let id = talk.delivered(handle);
        talk.session.answer(talk.now, id, &Answer::CancelTurn).unwrap();
        let written = talk.written();
        assert_eq!(written[0]["result"], expected);
        assert_eq!(written[1]["method"], "turn/interrupt");
    }
}

#[test]
fn an_approval_knows_the_item_that_it_is_about() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    let item = json!({"type": "fileChange", "id": "c", "changes": [{"diff": "+x"}]});
    talk.event("item/started", json!({ "item": item }));
    talk.ask(0, "item/fileChange/requestApproval");
    let id = talk.delivered(handle);
    let snapshot = talk.session.take_question(talk.now, id).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&snapshot.item.unwrap()).unwrap(), item);
    assert_eq!(snapshot.user_data, 7);
}

#[test]
fn closing_declines_what_is_open_and_ends_the_turns() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.session.close(talk.now);
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
    assert_eq!(talk.end(handle).1, Some(Status::Closed));
    assert_eq!(talk.session.begin_call("m", "{}", None).unwrap_err().status(), Status::Closed);
}

#[test]
fn a_tool_call_that_is_declined_with_its_handle_leaves_nothing_behind() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, "item/tool/call");
    talk.session.free_turn(talk.now, handle);
    assert_eq!(talk.answers()[0]["result"]["success"], false);
    assert_eq!(talk.session.queued_bytes, 0);
}

#[test]
fn an_answer_does_not_wait_behind_calls_that_are_held_back() {
    let mut talk = Talk::new();
    talk.running(Delivery::Discarded, Limits::default());
    for _ in 0..200 {
        talk.session.begin_call("m", "{}", None).unwrap();
    }
    assert!(talk.written().len() < 200, "the runtime is not asked everything at once");
    talk.ask(0, COMMAND);
    assert_eq!(talk.answers().len(), 1);
}

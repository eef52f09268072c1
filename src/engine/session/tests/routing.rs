use super::*;

#[test]
fn events_before_the_answer_are_kept() {
    let mut talk = Talk::new();
    let (handle, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.turn_started();
    talk.message("early");
    assert!(talk.events(handle).is_empty());
    talk.answer_start(id, TURN);
    talk.turn_completed("completed");
    let kinds = talk.kinds(handle);
    assert_eq!(
        kinds,
        [EventKind::TurnStarted, EventKind::ItemCompleted, EventKind::TurnCompleted, EventKind::TurnEnded]
    );
    assert_eq!(talk.end(handle).0.unwrap()["finalResponse"], "early");
}

#[test]
fn a_completion_before_the_answer_ends_the_turn() {
    let mut talk = Talk::new();
    let (handle, id) = talk.begin(Delivery::Discarded, Limits::default());
    talk.message("all");
    talk.turn_completed("completed");
    talk.answer_start(id, TURN);
    let (result, status) = talk.end(handle);
    assert_eq!((result.unwrap()["finalResponse"].clone(), status), ("all".into(), None));
}

#[test]
fn a_completion_before_the_answer_counts_even_if_the_connection_is_lost() {
    let mut talk = Talk::new();
    let (handle, _) = talk.begin(Delivery::Discarded, Limits::default());
    talk.message("all");
    talk.turn_completed("completed");
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    assert_eq!(talk.end(handle).1, None);
}

#[test]
fn a_connection_lost_before_the_answer_fails_the_start() {
    let mut talk = Talk::new();
    let (handle, _) = talk.begin(Delivery::Kept, Limits::default());
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    assert_eq!(talk.end(handle), (None, Some(Status::Transport)));
    assert_eq!(talk.kinds(handle), [EventKind::TurnEnded]);
}

#[test]
fn a_connection_lost_under_a_turn_keeps_what_was_collected() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.message("part");
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    let (result, status) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!((&result["endedBy"], &result["items"][0]["text"]), (&"transportClosed".into(), &"part".into()));
    assert_eq!(result["error"]["message"], "gone");
    assert_eq!(status, Some(Status::Transport));
    let error = talk.session.begin_call("m", "{}", None).unwrap_err();
    assert_eq!(error.message(), "gone");
}

#[test]
fn turns_get_their_own_events_only() {
    let mut talk = Talk::new();
    let (first, first_id) = talk.begin(Delivery::Kept, Limits::default());
    talk.answer_start(first_id, "turn-a");
    let start = plain_start(talk.thread("thread-2"));
    let second = talk.session.start_turn(talk.now, &start).unwrap();
    let second_id = talk.written().last().unwrap()["id"].as_i64().unwrap();
    talk.answer_start(second_id, "turn-b");
    for (turn, thread) in [("turn-b", "thread-2"), ("turn-a", THREAD), ("turn-b", "thread-2")] {
        talk.notify(
            "item/agentMessage/delta",
            json!({"threadId": thread, "turnId": turn, "itemId": "i", "delta": turn}),
        );
    }
    let texts = |events: Vec<Event>| events.iter().map(|event| event.text_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(talk.events(first)), ["turn-a"]);
    assert_eq!(texts(talk.events(second)), ["turn-b", "turn-b"]);
}

#[test]
fn a_turn_that_joins_another_shares_its_id_and_its_result() {
    let mut talk = Talk::new();
    let first = talk.running(Delivery::Kept, Limits::default());
    talk.message("before");
    let (second, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.message("between");
    talk.answer_start(id, TURN);
    talk.message("after");
    talk.turn_completed("completed");
    assert_eq!(talk.end(first), talk.end(second));
    assert_eq!(talk.end(second).0.unwrap()["items"].as_array().unwrap().len(), 3);
    assert_eq!(talk.kinds(second).len(), 4, "two messages since its request, the completion and the end");
    assert_eq!(talk.session.turn_id_cell(second).get().unwrap().as_str(), TURN);
}

#[test]
fn a_turn_may_end_while_another_is_joining_it() {
    let mut talk = Talk::new();
    let first = talk.running(Delivery::Discarded, Limits::default());
    let (second, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.turn_completed("completed");
    talk.answer_start(id, TURN);
    assert_eq!(talk.end(first), talk.end(second));
    assert_eq!(talk.kinds(second), [EventKind::TurnCompleted, EventKind::TurnEnded]);
}

#[test]
fn a_start_that_is_refused_ends_with_that_error_and_frees_what_was_kept() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let (handle, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.notify("turn/started", json!({"threadId": THREAD, "turn": {"id": "somebody-elses"}}));
    talk.hear(json!({"id": id, "error": {"code": -32600, "message": "thread not found: thread-1"}}));
    assert_eq!(talk.end(handle), (None, Some(Status::Rpc)));
    assert_eq!(talk.client_methods(), ["turn/started"]);
    talk.events(handle);
    assert_eq!(talk.session.queued_bytes, 0);
}

#[test]
fn the_answer_to_an_abandoned_start_interrupts_that_turn() {
    let mut talk = Talk::new();
    let (handle, id) = talk.begin(Delivery::Discarded, Limits::default());
    talk.pass(seconds(61));
    assert_eq!(talk.end(handle), (None, Some(Status::TimedOut)));
    talk.written();
    talk.answer_start(id, TURN);
    let written = talk.written();
    assert_eq!(written[0]["method"], "turn/interrupt");
    assert_eq!(
        written[0]["params"],
        json!({"threadId": THREAD, "turnId": ""}),
        "an id works only once the turn has started"
    );
}

#[test]
fn what_is_unknown_reaches_the_host_byte_for_byte() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.events(handle);
    let params = r#"{ "threadId":"thread-1" ,"turnId":"turn-1","new":[1.50,{"x":"\u00e9"}]}"#;
    let line = format!(r#"{{"method":"item/future/delta","params":{params}}}"#);
    talk.session.receive(talk.now, line.as_bytes());
    let events = talk.events(handle);
    assert_eq!((events[0].kind(), events[0].json_str()), (EventKind::Other, params));
}

#[test]
fn an_unknown_item_and_an_unknown_status_are_collected() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.event("item/completed", json!({"item": {"type": "hologram", "id": "h", "phase": "seventh"}}));
    talk.turn_completed("evaporated");
    let (result, error) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!((&result["status"], &result["items"][0]["type"]), (&"evaporated".into(), &"hologram".into()));
    assert_eq!(error, None);
}

#[test]
fn an_idle_status_does_not_end_a_turn() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.notify("thread/status/changed", json!({"threadId": THREAD, "status": {"type": "idle"}}));
    assert!(talk.runs(handle));
}

#[test]
fn late_events_and_turns_of_others_belong_to_the_client() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.turn_completed("completed");
    talk.message("late");
    talk.event("turn/started", json!({"turn": {"id": "other"}}));
    assert!(!talk.runs(handle));
    assert_eq!(talk.client_methods(), ["item/completed", "turn/started"]);
}

#[test]
fn a_freed_handle_leaves_its_turn_to_the_client() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.session.free_turn(talk.now, handle);
    talk.turn_completed("completed");
    assert_eq!(talk.client_methods(), ["turn/completed"]);
    assert_eq!((talk.session.slots.len(), talk.session.queued_bytes), (0, 0));
}

#[test]
fn a_failed_turn_keeps_its_items_and_its_error_info() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.message("before");
    let error = json!({"message": "no credit", "codexErrorInfo": "usageLimitExceeded", "additionalDetails": null});
    talk.event("turn/completed", json!({"turn": {"id": TURN, "status": "failed", "error": error}}));
    let ended = talk.session.turn_ended(handle).unwrap();
    let told = ended.error.as_ref().unwrap();
    assert_eq!((told.status(), told.reason(), told.message()), (Status::TurnFailed, "usageLimitExceeded", "no credit"));
    assert_eq!(talk.end(handle).0.unwrap()["items"][0]["text"], "before");
}

#[test]
fn attaching_without_an_id_finds_the_turn_that_runs() {
    let mut talk = Talk::new();
    talk.event("turn/started", json!({"turn": {"id": "other"}}));
    let thread = talk.thread(THREAD);
    let handle = talk.attach(thread, "other", json!([]));
    assert_eq!(talk.session.turn_id_cell(handle).get().unwrap().as_str(), "other");
    talk.event("turn/completed", json!({"turn": {"id": "other", "status": "completed"}}));
    talk.answer_items("other", json!([]));
    assert!(!talk.runs(handle));
}

#[test]
fn an_attached_turn_has_the_items_that_the_runtime_remembers_and_those_that_come() {
    let mut talk = Talk::new();
    let item = |id: &str, text: &str| json!({"type": "agentMessage", "id": id, "phase": null, "text": text});
    let thread = talk.thread(THREAD);
    let handle =
        talk.attach(thread, TURN, json!([{"turnId": TURN, "item": item("a", "1")}, {"turnId": "x", "item": {}}]));
    for (id, text) in [("a", "1, told again"), ("b", "2")] {
        talk.event("item/completed", json!({"item": item(id, text)}));
    }
    talk.turn_completed("completed");
    talk.answer_items(TURN, json!([]));
    let result = talk.end(handle).0.unwrap();
    assert_eq!(result["items"], json!([item("a", "1, told again"), item("b", "2")]));
}

#[test]
fn a_turn_whose_items_the_runtime_does_not_tell_is_attached_to_all_the_same() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.begin_attach(thread);
    talk.answer_turns(TURN);
    talk.refuse_items(TURN);
    talk.message("late");
    talk.turn_completed("completed");
    talk.refuse_items(TURN);
    assert_eq!(talk.end(handle).0.unwrap()["finalResponse"], "late");
}

#[test]
fn what_happens_while_the_runtime_remembers_is_not_lost() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.begin_attach(thread);
    talk.answer_turns(TURN);
    let list = talk.written().pop().unwrap();
    talk.message("meanwhile");
    talk.turn_completed("completed");
    talk.hear(json!({"id": list["id"], "result": {"data": [], "nextCursor": null}}));
    talk.answer_items(TURN, json!([]));
    assert_eq!(talk.end(handle).0.unwrap()["finalResponse"], "meanwhile");
}

#[test]
fn attaching_to_a_turn_that_is_over_gives_its_result_at_once() {
    let mut talk = Talk::new();
    let start = TurnStart { params: "", ..plain_start(talk.thread(THREAD)) };
    let handle = talk.session.attach_turn(talk.now, Some("old"), &start).unwrap();
    let id = talk.written()[0]["id"].as_i64().unwrap();
    talk.hear(json!({"id": id, "result": {"data": [{"id": "old", "status": "completed"}]}}));
    let list = talk.written().pop().unwrap();
    assert_eq!((&list["method"], &list["params"]["turnId"]), (&"thread/items/list".into(), &"old".into()));
    let item = json!({"type": "agentMessage", "id": "m", "phase": null, "text": "then"});
    talk.hear(json!({"id": list["id"], "result": {"data": [{"turnId": "old", "item": item}], "nextCursor": null}}));
    assert_eq!(talk.end(handle).0.unwrap()["finalResponse"], "then");
    let none = talk.session.attach_turn(talk.now, Some("never"), &start).unwrap();
    let id = talk.written()[0]["id"].as_i64().unwrap();
    talk.hear(json!({"id": id, "result": {"data": []}}));
    assert_eq!(talk.session.turn_ended(none).unwrap().error.as_ref().unwrap().reason(), "noActiveTurn");
}

#[test]
fn a_malformed_line_is_skipped_and_the_connection_goes_on() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    for line in [&b"not json"[..], b"{\"method\":", b"\xff\xfe", b"[]"] {
        talk.session.receive(talk.now, line);
    }
    talk.turn_completed("completed");
    assert!(!talk.runs(handle));
    assert_eq!((talk.session.first_malformed.as_deref(), talk.session.stats.malformed), (Some("not json"), 4));
}

#[test]
fn a_handle_that_was_let_go_hands_out_no_event_but_its_waiters_get_the_result() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.session.silence_turn(talk.now, handle);
    assert!(matches!(talk.session.next_turn_event(handle), Next::End));
    talk.message("more");
    talk.turn_completed("completed");
    assert!(matches!(talk.session.next_turn_event(handle), Next::End));
    assert_eq!(talk.end(handle).0.unwrap()["finalResponse"], "more");
}

#[test]
fn a_turn_may_be_begun_before_its_thread_is_open() {
    let mut talk = Talk::new();
    let (thread, facts) = talk.session.open_thread("thread/start", "{}", None, Announce::Event).unwrap();
    let start = TurnStart { params: r#"{"input":[]}"#, ..plain_start(thread) };
    let handle = talk.session.start_turn(talk.now, &start).unwrap();
    let written = talk.written();
    assert_eq!(written.len(), 1, "the turn waits");
    talk.hear(json!({"id": written[0]["id"], "result": {"thread": {"id": THREAD}, "model": "m"}}));
    assert_eq!(facts.id.get().unwrap().as_str(), THREAD);
    let Next::Event(ready) = talk.session.next_client_event() else { panic!("the thread is announced") };
    assert_eq!((ready.kind(), ready.thread_id()), (EventKind::ThreadReady, &b"thread-1\0"[..]));
    let turn = talk.written().pop().unwrap();
    assert_eq!(turn["params"], json!({"threadId": THREAD, "input": []}));
    talk.answer_start(turn["id"].as_i64().unwrap(), TURN);
    talk.turn_completed("completed");
    assert_eq!(talk.end(handle).1, None);
}

#[test]
fn a_thread_that_cannot_be_opened_fails_the_turns_that_wait_for_it() {
    let mut talk = Talk::new();
    let (thread, _) = talk.session.open_thread("thread/resume", "{}", None, Announce::Event).unwrap();
    let start = plain_start(thread);
    let handle = talk.session.start_turn(talk.now, &start).unwrap();
    talk.session.interrupt_turn(talk.now, handle);
    let id = talk.written()[0]["id"].clone();
    talk.hear(json!({"id": id, "error": {"code": -32600, "message": "no rollout found for thread id x"}}));
    assert_eq!(talk.end(handle), (None, Some(Status::Rpc)));
    let Next::Event(ready) = talk.session.next_client_event() else { panic!("the failure is announced") };
    assert_eq!(ready.error().map(Error::reason), Some("threadNotFound"));
    let late = talk.session.start_turn(talk.now, &start).unwrap();
    assert_eq!(talk.end(late), (None, Some(Status::Rpc)));
    talk.session.free_thread(thread);
    assert!(talk.session.threads.is_empty());
}

#[test]
fn a_thread_that_was_let_go_while_it_opened_leaves_nothing_behind() {
    let mut talk = Talk::new();
    let (thread, _) = talk.session.open_thread("thread/start", "{}", None, Announce::Nothing).unwrap();
    talk.session.free_thread(thread);
    let id = talk.written()[0]["id"].clone();
    talk.hear(json!({"id": id, "result": {"thread": {"id": THREAD}}}));
    assert!(talk.session.threads.is_empty());
}

#[test]
fn what_came_before_the_answer_to_a_start_whose_handle_is_gone_belongs_to_whoever_joined() {
    let mut talk = Talk::new();
    let (first, first_id) = talk.begin(Delivery::Kept, Limits::default());
    let (second, second_id) = talk.begin(Delivery::Kept, Limits::default());
    talk.session.free_turn(talk.now, first);
    talk.turn_started();
    talk.message("early");
    talk.answer_start(first_id, TURN);
    talk.answer_start(second_id, TURN);
    talk.turn_completed("completed");
    assert_eq!(talk.kinds(second).len(), 4, "the start, the message, the completion and the end");
    assert_eq!(talk.end(second).0.unwrap()["finalResponse"], "early");
}

#[test]
fn a_turn_whose_handle_was_freed_before_the_answer_belongs_to_the_client_from_its_first_event() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let (handle, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.session.free_turn(talk.now, handle);
    talk.turn_started();
    talk.answer_start(id, TURN);
    talk.turn_completed("completed");
    assert_eq!(talk.client_methods(), ["turn/started", "turn/completed"]);
}

#[test]
fn a_handle_that_joins_a_turn_whose_other_handles_are_gone_has_every_event_since_it_was_begun() {
    let mut talk = Talk::new();
    let first = talk.running(Delivery::Kept, Limits::default());
    let (second, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.message("between");
    talk.session.free_turn(talk.now, first);
    talk.answer_start(id, TURN);
    talk.turn_completed("completed");
    assert_eq!(talk.kinds(second), [EventKind::ItemCompleted, EventKind::TurnCompleted, EventKind::TurnEnded]);
}

#[test]
fn what_comes_late_of_a_turn_is_not_shared_with_a_start_that_joined_it() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    talk.running(Delivery::Discarded, Limits::default());
    let (second, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.turn_completed("completed");
    talk.message("late");
    talk.answer_start(id, TURN);
    assert_eq!(talk.kinds(second), [EventKind::TurnCompleted, EventKind::TurnEnded]);
    assert_eq!(talk.client_methods(), ["item/completed"]);
}

#[test]
fn a_connection_lost_before_the_answer_keeps_what_the_turn_did() {
    let mut talk = Talk::new();
    let (handle, _) = talk.begin(Delivery::Kept, Limits::default());
    talk.turn_started();
    talk.message("part");
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    let (result, status) = talk.end(handle);
    assert_eq!((result.unwrap()["items"][0]["text"].clone(), status), ("part".into(), Some(Status::Transport)));
    assert_eq!(talk.session.by_turn.len(), 0);
}

#[test]
fn a_turn_that_was_over_before_it_was_read_is_read_to_its_end_although_it_is_waited_for() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.turn_completed("completed");
    assert!(matches!(talk.session.next_turn_event(handle), Next::Event(_)));
    talk.session.discard_turn_events(talk.now, handle);
    assert_eq!(talk.kinds(handle), [EventKind::TurnCompleted, EventKind::TurnEnded]);
}

use super::*;

fn open(talk: &mut Talk, opening: Opening) -> (HandleId, i64) {
    let start = TurnStart { deadline: talk.session.default_deadline(talk.now), ..plain_start(talk.thread(THREAD)) };
    let handle = talk.session.begin_turn(talk.now, opening, &start).unwrap();
    (handle, talk.written().last().unwrap()["id"].as_i64().unwrap())
}

fn compaction(talk: &mut Talk) -> HandleId {
    let (handle, id) = open(talk, Opening::Compaction);
    talk.hear(json!({"id": id, "result": {}}));
    handle
}

/// A turn that the runtime begins by itself.
fn begins(talk: &mut Talk, id: &str) {
    talk.event("turn/started", json!({"turn": {"id": id, "rootTurnId": id, "status": "inProgress"}}));
}

fn ends(talk: &mut Talk, id: &str, status: &str) {
    talk.event("turn/completed", json!({"turn": {"id": id, "status": status, "error": null}}));
}

fn id_of(talk: &Talk, handle: HandleId) -> String {
    talk.session.turn_id_cell(handle).get().map(|id| id.as_str().to_owned()).unwrap_or_default()
}

#[test]
fn a_compaction_is_the_turn_that_begins_after_it_was_asked_for() {
    let mut talk = Talk::new();
    let handle = compaction(&mut talk);
    assert_eq!(id_of(&talk, handle), "");
    begins(&mut talk, TURN);
    assert_eq!(id_of(&talk, handle), TURN);
    talk.event("item/completed", json!({"item": {"type": "contextCompaction", "id": "c"}}));
    ends(&mut talk, TURN, "completed");
    let result = talk.end(handle).0.unwrap();
    assert_eq!((&result["id"], &result["items"][0]["type"]), (&TURN.into(), &"contextCompaction".into()));
    let expected = [EventKind::TurnStarted, EventKind::ItemCompleted, EventKind::TurnCompleted, EventKind::TurnEnded];
    assert_eq!(talk.kinds(handle), expected);
}

#[test]
fn a_compaction_may_begin_and_end_before_the_answer() {
    let mut talk = Talk::new();
    let (handle, id) = open(&mut talk, Opening::Compaction);
    begins(&mut talk, TURN);
    ends(&mut talk, TURN, "completed");
    assert_eq!(talk.end(handle).1, None);
    talk.hear(json!({"id": id, "result": {}}));
    talk.pass(seconds(100));
    assert_eq!(talk.end(handle).1, None);
}

#[test]
fn compactions_take_their_turns_in_the_order_in_which_they_were_asked_for() {
    let mut talk = Talk::new();
    let first = compaction(&mut talk);
    let second = compaction(&mut talk);
    begins(&mut talk, "turn-a");
    ends(&mut talk, "turn-a", "interrupted");
    begins(&mut talk, "turn-b");
    ends(&mut talk, "turn-b", "completed");
    assert_eq!((id_of(&talk, first), id_of(&talk, second)), ("turn-a".into(), "turn-b".into()));
    assert_eq!((talk.end(first).1, talk.end(second).1), (Some(Status::TurnInterrupted), None));
}

#[test]
fn a_compaction_does_not_take_the_turn_of_an_input_that_is_just_starting() {
    let mut talk = Talk::new();
    let (input, input_id) = talk.begin(Delivery::Kept, Limits::default());
    let handle = compaction(&mut talk);
    begins(&mut talk, "turn-input");
    ends(&mut talk, "turn-input", "interrupted");
    begins(&mut talk, "turn-compaction");
    assert_eq!((id_of(&talk, input), id_of(&talk, handle)), (String::new(), String::new()));
    talk.answer_start(input_id, "turn-input");
    assert_eq!((id_of(&talk, input), id_of(&talk, handle)), ("turn-input".into(), "turn-compaction".into()));
}

#[test]
fn a_compaction_takes_its_turn_when_an_input_beside_it_is_refused() {
    let mut talk = Talk::new();
    let (input, input_id) = talk.begin(Delivery::Kept, Limits::default());
    let handle = compaction(&mut talk);
    begins(&mut talk, TURN);
    talk.hear(json!({"id": input_id, "error": {"code": -32603, "message": "ActiveTurnNotSteerable { .. }"}}));
    assert_eq!((talk.end(input).1, id_of(&talk, handle)), (Some(Status::Rpc), TURN.into()));
}

#[test]
fn a_turn_that_ran_before_is_not_taken_for_a_compaction() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    begins(&mut talk, "other");
    let handle = compaction(&mut talk);
    ends(&mut talk, "other", "interrupted");
    begins(&mut talk, TURN);
    assert_eq!(id_of(&talk, handle), TURN);
    assert_eq!(talk.client_methods(), ["turn/started", "turn/completed"]);
}

#[test]
fn a_compaction_that_is_refused_ends_with_that_error() {
    let mut talk = Talk::new();
    let (handle, id) = open(&mut talk, Opening::Compaction);
    talk.hear(json!({"id": id, "error": {"code": -32600, "message": "thread not found: thread-1"}}));
    assert_eq!(talk.end(handle), (None, Some(Status::Rpc)));
}

#[test]
fn a_compaction_whose_turn_never_begins_ends_too() {
    let mut talk = Talk::new();
    let handle = compaction(&mut talk);
    talk.pass(seconds(61));
    assert_eq!(talk.end(handle), (None, Some(Status::Protocol)));
    talk.session.open_client_queue();
    begins(&mut talk, TURN);
    assert_eq!(talk.client_methods(), ["turn/started"]);
}

#[test]
fn a_compaction_can_be_interrupted_before_it_begins() {
    let mut talk = Talk::new();
    let handle = compaction(&mut talk);
    talk.session.interrupt_turn(talk.now, handle);
    assert_eq!(talk.written()[0]["params"], json!({"threadId": THREAD, "turnId": ""}));
    begins(&mut talk, TURN);
    assert_eq!(talk.written()[0]["params"], json!({"threadId": THREAD, "turnId": TURN}));
    ends(&mut talk, TURN, "interrupted");
    assert_eq!(talk.end(handle).1, Some(Status::TurnInterrupted));
}

#[test]
fn a_connection_lost_under_a_compaction_ends_it() {
    let mut talk = Talk::new();
    let waiting = compaction(&mut talk);
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    assert_eq!(talk.end(waiting), (None, Some(Status::Transport)));
}

/// A review whose reviewer has begun: its events name the first id, its `turn/started` the second.
fn review(talk: &mut Talk) -> HandleId {
    let (handle, id) = open(talk, Opening::Review);
    talk.hear(json!({"id": id, "result": {"turn": {"id": TURN, "status": "inProgress"}, "reviewThreadId": THREAD}}));
    talk.event("turn/started", json!({"turn": {"id": "second", "rootTurnId": TURN, "status": "inProgress"}}));
    handle
}

#[test]
fn a_review_has_one_id_for_the_host() {
    let mut talk = Talk::new();
    let handle = review(&mut talk);
    talk.message("No findings.");
    talk.turn_completed("completed");
    let result = talk.end(handle).0.unwrap();
    assert_eq!((&result["id"], &result["finalResponse"]), (&TURN.into(), &"No findings.".into()));
    let events = talk.events(handle);
    assert_eq!(events[0].kind(), EventKind::TurnStarted);
    assert!(events.iter().all(|event| event.turn_id().starts_with(TURN.as_bytes())));
    assert!(events[0].json_str().contains("second"), "the JSON is what the runtime sent");
}

#[test]
fn an_interrupt_of_a_review_names_the_id_that_the_runtime_wants() {
    let mut talk = Talk::new();
    let handle = review(&mut talk);
    talk.session.interrupt_turn(talk.now, handle);
    assert_eq!(talk.written()[0]["params"], json!({"threadId": THREAD, "turnId": "second"}));
}

#[test]
fn the_second_id_of_a_review_may_come_before_the_first() {
    let mut talk = Talk::new();
    let (handle, id) = open(&mut talk, Opening::Review);
    talk.event("turn/started", json!({"turn": {"id": "second", "rootTurnId": TURN, "status": "inProgress"}}));
    talk.message("early");
    talk.answer_start(id, TURN);
    talk.session.interrupt_turn(talk.now, handle);
    assert_eq!(talk.written()[0]["params"]["turnId"], "second");
    assert_eq!(talk.kinds(handle), [EventKind::ItemCompleted, EventKind::TurnStarted]);
}

#[test]
fn the_reviewer_of_a_review_is_not_taken_for_a_compaction() {
    let mut talk = Talk::new();
    let review = review(&mut talk);
    let handle = compaction(&mut talk);
    talk.event("turn/started", json!({"turn": {"id": "third", "rootTurnId": TURN, "status": "inProgress"}}));
    assert_eq!((id_of(&talk, review), id_of(&talk, handle)), (TURN.into(), String::new()));
    ends(&mut talk, TURN, "interrupted");
    begins(&mut talk, "turn-c");
    assert_eq!(id_of(&talk, handle), "turn-c");
}

#[test]
fn the_turn_of_a_sub_agent_is_not_that_of_its_parent() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let handle = review(&mut talk);
    talk.events(handle);
    let turn = json!({"id": "child", "rootTurnId": TURN, "status": "inProgress"});
    talk.notify("turn/started", json!({"threadId": "thread-2", "turn": turn}));
    assert!(talk.events(handle).is_empty());
    assert_eq!(talk.client_methods(), ["turn/started"]);
}

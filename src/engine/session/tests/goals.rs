use super::*;

const SECOND: &str = "turn-2";

impl Talk {
    /// A goal that was set; its first turn has not begun.
    fn goal_set(&mut self) -> HandleId {
        self.goal_set_with(Limits::default())
    }

    fn goal_set_with(&mut self, limits: Limits) -> HandleId {
        let start = TurnStart {
            params: r#"{"objective":"count","status":"active"}"#,
            limits,
            ..plain_start(self.thread(THREAD))
        };
        let handle = self.session.begin_turn(self.now, Opening::Goal, &start).unwrap();
        let call = self.written().pop().unwrap();
        assert_eq!(call["method"], "thread/goal/set");
        assert_eq!(call["params"], json!({"threadId": THREAD, "objective": "count", "status": "active"}));
        self.hear(json!({"id": call["id"], "result": {"goal": {"status": "active"}}}));
        handle
    }

    fn goal_is(&mut self, status: &str) {
        let goal = json!({"threadId": THREAD, "status": status});
        self.notify("thread/goal/updated", json!({"threadId": THREAD, "turnId": null, "goal": goal}));
    }

    fn step_begins(&mut self, id: &str, at: i64) {
        let turn = json!({"id": id, "status": "inProgress", "startedAt": at, "completedAt": null, "error": null});
        self.event("turn/started", json!({ "turn": turn }));
    }

    fn step_ends(&mut self, id: &str, status: &str, at: i64) {
        let error = (status == "failed").then(|| json!({"message": "boom", "codexErrorInfo": "usageLimitExceeded"}));
        let turn = json!({"id": id, "status": status, "startedAt": at - 1, "completedAt": at, "error": error,
            "durationMs": 7});
        self.event("turn/completed", json!({ "turn": turn }));
    }

    fn step_says(&mut self, id: &str, text: &str) {
        let item = json!({"type": "agentMessage", "id": text, "phase": "final_answer", "text": text});
        self.event("item/completed", json!({"turnId": id, "item": item}));
        let tokens = json!({"totalTokens": 15});
        let total = json!({"totalTokens": if id == TURN { 15 } else { 30 }});
        let usage = json!({"total": total, "last": tokens});
        self.event("thread/tokenUsage/updated", json!({"turnId": id, "tokenUsage": usage}));
    }

    /// A goal whose first turn is over and whose second runs.
    fn in_second_step(&mut self) -> HandleId {
        let handle = self.goal_set();
        self.goal_is("active");
        self.step_begins(TURN, 100);
        self.step_says(TURN, "first");
        self.step_ends(TURN, "completed", 103);
        self.step_begins(SECOND, 104);
        handle
    }

    fn written_params(&mut self) -> Vec<(String, Value)> {
        let line = |line: Value| (line["method"].as_str().unwrap_or_default().to_owned(), line["params"].clone());
        self.written().into_iter().map(line).collect()
    }
}

fn pause() -> (String, Value) {
    ("thread/goal/set".to_owned(), json!({"threadId": THREAD, "status": "paused"}))
}

fn interrupt() -> (String, Value) {
    ("turn/interrupt".to_owned(), json!({"threadId": THREAD, "turnId": ""}))
}

#[test]
fn a_goal_is_one_turn_with_the_sums_of_its_turns() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let handle = talk.in_second_step();
    talk.step_says(SECOND, "second");
    talk.goal_is("complete");
    assert!(talk.runs(handle));
    talk.step_ends(SECOND, "completed", 109);
    let (result, status) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!((status, &result["id"], &result["status"]), (None, &json!(TURN), &json!("completed")));
    assert_eq!((&result["startedAt"], &result["completedAt"]), (&json!(100), &json!(109)));
    assert_eq!((&result["durationMs"], &result["finalResponse"]), (&json!(9000), &json!("second")));
    assert_eq!((result["items"].as_array().unwrap().len(), &result["usage"]["turn"]["totalTokens"]), (2, &json!(30)));
    assert!(talk.client_methods().is_empty(), "nothing of the goal goes to the client");
}

#[test]
fn the_events_of_a_goal_have_the_id_of_its_first_turn_and_one_beginning_and_one_end() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.step_says(SECOND, "second");
    talk.goal_is("complete");
    talk.step_ends(SECOND, "completed", 109);
    let events = talk.events(handle);
    use EventKind as Kind;
    let kinds: Vec<Kind> = events.iter().map(Event::kind).collect();
    let says = [Kind::ItemCompleted, Kind::Usage];
    let expected = [&[Kind::TurnStarted][..], &says, &says, &[Kind::TurnCompleted, Kind::TurnEnded]].concat();
    assert_eq!(kinds, expected);
    for event in &events {
        assert_eq!(event.turn_id(), b"turn-1\0");
        let json = String::from_utf8(event.json().to_vec()).unwrap();
        assert!(!json.contains(SECOND), "{json}");
    }
    let last: Value = serde_json::from_slice(events[5].json().strip_suffix(b"\0").unwrap()).unwrap();
    assert_eq!(last["turn"]["id"], TURN);
    assert_eq!((&last["turn"]["startedAt"], &last["turn"]["durationMs"]), (&json!(100), &json!(9000)));
}

#[test]
fn a_goal_that_is_reached_in_its_first_turn_ends_with_that() {
    let mut talk = Talk::new();
    let handle = talk.goal_set();
    talk.step_begins(TURN, 100);
    talk.goal_is("complete");
    talk.step_ends(TURN, "completed", 101);
    assert_eq!(talk.end(handle).1, None);
}

#[test]
fn the_end_of_a_goal_may_be_told_after_its_last_turn() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.step_ends(SECOND, "completed", 109);
    assert!(talk.runs(handle));
    talk.notify("thread/goal/cleared", json!({"threadId": THREAD}));
    assert_eq!(talk.end(handle).1, None);
    assert!(talk.kinds(handle).ends_with(&[EventKind::TurnCompleted, EventKind::TurnEnded]));
}

#[test]
fn a_goal_fails_with_the_turn_that_failed() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.goal_is("usageLimited");
    talk.step_ends(SECOND, "failed", 109);
    let (result, status) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!((status, &result["endedBy"]), (Some(Status::TurnFailed), &json!("failed")));
    assert_eq!((&result["error"]["message"], &result["items"][0]["text"]), (&json!("boom"), &json!("first")));
}

#[test]
fn an_interrupt_pauses_the_goal_and_ends_the_turn_that_runs() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.session.interrupt_turn(talk.now, handle);
    assert_eq!(talk.written_params(), [pause(), interrupt()]);
    talk.goal_is("paused");
    talk.step_ends(SECOND, "interrupted", 109);
    let (result, status) = talk.end(handle);
    assert_eq!(status, Some(Status::TurnInterrupted));
    assert_eq!(result.unwrap()["endedBy"], "interrupted");
}

#[test]
fn an_interrupt_between_two_turns_of_a_goal_counts() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.step_ends(SECOND, "completed", 109);
    talk.session.interrupt_turn(talk.now, handle);
    talk.goal_is("paused");
    let (result, status) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!(status, Some(Status::TurnInterrupted));
    assert_eq!((&result["status"], &result["endedBy"]), (&json!("interrupted"), &json!("interrupted")));
}

#[test]
fn a_turn_that_begins_before_the_pause_arrives_is_interrupted_too() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.session.interrupt_turn(talk.now, handle);
    talk.written();
    talk.step_ends(SECOND, "interrupted", 109);
    assert!(talk.runs(handle));
    talk.step_begins("turn-3", 110);
    assert_eq!(talk.written_params(), [pause(), interrupt()]);
    talk.goal_is("paused");
    talk.step_ends("turn-3", "interrupted", 111);
    assert_eq!(talk.end(handle).1, Some(Status::TurnInterrupted));
}

#[test]
fn an_interrupt_before_the_first_turn_of_a_goal_ends_it_without_one() {
    let mut talk = Talk::new();
    let handle = talk.goal_set();
    talk.session.interrupt_turn(talk.now, handle);
    talk.goal_is("paused");
    assert_eq!(talk.end(handle), (None, Some(Status::TurnInterrupted)));
}

#[test]
fn a_limit_counts_for_all_turns_of_a_goal_together() {
    let mut talk = Talk::new();
    let handle = talk.goal_set_with(Limits::default().changed_by(r#"{"maxTokens":20}"#).unwrap());
    talk.step_begins(TURN, 100);
    talk.step_says(TURN, "first");
    talk.step_ends(TURN, "completed", 103);
    talk.step_begins(SECOND, 104);
    talk.step_says(SECOND, "second");
    assert_eq!(talk.written_params(), [pause(), interrupt()]);
    talk.goal_is("paused");
    talk.step_ends(SECOND, "interrupted", 109);
    assert_eq!(talk.end(handle).1, Some(Status::Limit));
}

#[test]
fn a_goal_has_its_thread_to_itself() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    let thread = talk.thread(THREAD);
    let start = plain_start(thread);
    for opening in [Opening::Input, Opening::Goal, Opening::Compaction] {
        let error = talk.session.begin_turn(talk.now, opening, &start).unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::InvalidArgument, "goalActive"));
    }
    assert!(talk.written().is_empty());
    talk.goal_is("complete");
    talk.step_ends(SECOND, "completed", 109);
    assert!(!talk.runs(handle));
    talk.session.begin_turn(talk.now, Opening::Input, &start).unwrap();
    let busy = talk.session.begin_turn(talk.now, Opening::Goal, &start).unwrap_err();
    assert_eq!(busy.reason(), "turnRunning");
}

#[test]
fn the_turn_that_runs_can_be_asked_for() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    assert_eq!((talk.session.running_turn_id(handle), talk.session.pursues_goal(handle)), (SECOND, true));
    talk.goal_is("complete");
    talk.step_ends(SECOND, "completed", 109);
    assert_eq!((talk.session.running_turn_id(handle), talk.session.pursues_goal(handle)), ("", false));
}

#[test]
fn what_a_turn_of_a_goal_asks_is_asked_under_the_id_of_the_first() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.events(handle);
    let params = json!({"threadId": THREAD, "turnId": SECOND, "itemId": "c", "command": "ls"});
    talk.hear(json!({"id": 0, "method": "item/commandExecution/requestApproval", "params": params}));
    let event = talk.events(handle).pop().unwrap();
    let asked = talk.session.take_question(talk.now, event.request_id()).unwrap();
    assert_eq!((event.kind(), &*asked.turn_id), (EventKind::Request, TURN));
    talk.step_ends(SECOND, "completed", 109);
    assert!(asked.fate.is_cancelled(), "the turn that asked is over");
}

#[test]
fn a_goal_whose_handle_is_freed_goes_on_for_the_client() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let handle = talk.in_second_step();
    talk.session.free_turn(talk.now, handle);
    talk.step_says(SECOND, "second");
    talk.goal_is("complete");
    assert!(talk.written().is_empty());
    let seen = talk.client_methods();
    assert_eq!(seen, ["item/completed", "thread/tokenUsage/updated", "thread/goal/updated"]);
}

#[test]
fn a_goal_whose_runtime_is_lost_keeps_what_it_did() {
    let mut talk = Talk::new();
    let handle = talk.in_second_step();
    talk.session.lost(talk.now, Error::new(Status::Transport, "killed"));
    let (result, status) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!((status, &result["items"][0]["text"]), (Some(Status::Transport), &json!("first")));
    assert_eq!((&result["status"], &result["endedBy"]), (&json!("inProgress"), &json!("transportClosed")));
}

#[test]
fn a_goal_that_is_refused_ends_with_that_error() {
    let mut talk = Talk::new();
    let start = plain_start(talk.thread(THREAD));
    let handle = talk.session.begin_turn(talk.now, Opening::Goal, &start).unwrap();
    let id = talk.written()[0]["id"].clone();
    talk.hear(json!({"id": id, "error": {"code": -32600, "message": "goals feature is disabled"}}));
    assert_eq!(talk.end(handle), (None, Some(Status::Rpc)));
}

#[test]
fn a_goal_that_begins_no_turn_in_time_is_given_up_and_paused() {
    let mut talk = Talk::new();
    let handle = talk.goal_set();
    talk.pass(seconds(59));
    assert!(talk.runs(handle));
    talk.pass(seconds(1));
    assert_eq!(talk.end(handle), (None, Some(Status::Protocol)));
    assert_eq!(talk.written_params(), [pause(), interrupt()]);
}

use super::*;

fn limits(json: &str) -> Limits {
    Limits::default().changed_by(json).unwrap()
}

/// Passes over what is asked about the silent turn, and answers that it runs.
fn still_active(talk: &mut Talk) {
    for line in talk.written() {
        if line["method"] == "thread/read" {
            talk.hear(json!({"id": line["id"], "result": {"thread": {"status": {"type": "active"}}}}));
        }
    }
}

#[test]
fn a_turn_that_takes_too_long_is_interrupted_and_ends_as_timed_out() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"timeoutMs":2000}"#));
    talk.pass(seconds(1));
    assert!(talk.written().is_empty());
    talk.pass(seconds(1));
    assert_eq!(talk.written()[0]["params"], json!({"threadId": THREAD, "turnId": TURN}));
    assert!(talk.runs(handle));
    talk.turn_completed("interrupted");
    let (result, status) = talk.end(handle);
    assert_eq!((status, result.unwrap()["endedBy"].clone()), (Some(Status::TurnTimedOut), "timeout".into()));
}

#[test]
fn a_runtime_that_does_not_obey_an_interrupt_is_given_up_on() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.message("part");
    talk.session.interrupt_turn(talk.now, handle);
    talk.session.interrupt_turn(talk.now, handle);
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
    talk.pass(seconds(4));
    assert!(talk.runs(handle));
    talk.pass(seconds(1));
    let (result, status) = talk.end(handle);
    assert_eq!(status, Some(Status::TurnInterrupted));
    assert_eq!(result.unwrap()["items"][0]["text"], "part");
}

#[test]
fn an_interrupt_before_the_turn_has_started_names_no_id_and_is_made_again() {
    let mut talk = Talk::new();
    let (handle, id) = talk.begin(Delivery::Discarded, Limits::default());
    talk.session.interrupt_turn(talk.now, handle);
    assert_eq!(talk.written()[0]["params"], json!({"threadId": THREAD, "turnId": ""}));
    talk.answer_start(id, TURN);
    talk.turn_started();
    assert_eq!(talk.written()[0]["params"], json!({"threadId": THREAD, "turnId": TURN}));
    talk.turn_completed("interrupted");
    assert_eq!(talk.end(handle).1, Some(Status::TurnInterrupted));
}

#[test]
fn an_interrupt_that_nothing_answers_ends_a_turn_that_never_started() {
    let mut talk = Talk::new();
    let (handle, id) = talk.begin(Delivery::Discarded, Limits::default());
    talk.session.interrupt_turn(talk.now, handle);
    talk.pass(seconds(5));
    assert_eq!(talk.end(handle), (None, Some(Status::TurnInterrupted)));
    talk.written();
    talk.answer_start(id, TURN);
    assert_eq!(talk.written_methods(), ["turn/interrupt"], "it must not run on unseen");
}

#[test]
fn interrupting_a_turn_that_is_over_is_harmless() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.turn_completed("completed");
    talk.session.interrupt_turn(talk.now, handle);
    assert!(talk.written().is_empty());
}

#[test]
fn a_turn_without_events_is_idle_and_retry_notices_do_not_count() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"idleTimeoutMs":30000,"silenceMs":0}"#));
    for _ in 0..2 {
        talk.pass(seconds(14));
        talk.event("error", json!({"willRetry": true, "error": {"message": "Reconnecting... 1/5"}}));
    }
    talk.pass(seconds(2));
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
    talk.turn_completed("interrupted");
    let (result, status) = talk.end(handle);
    assert_eq!((status, result.unwrap()["endedBy"].clone()), (Some(Status::TurnTimedOut), "idleTimeout".into()));
}

#[test]
fn the_idle_clock_stands_still_while_a_command_runs() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"idleTimeoutMs":30000,"silenceMs":0}"#));
    talk.event("item/started", json!({"item": {"type": "commandExecution", "id": "c"}}));
    talk.pass(seconds(300));
    assert!(talk.runs(handle) && talk.written().is_empty());
    talk.event("item/completed", json!({"item": {"type": "commandExecution", "id": "c"}}));
    talk.pass(seconds(29));
    assert!(talk.written().is_empty());
    talk.pass(seconds(31));
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
}

#[test]
fn a_silent_turn_that_still_runs_goes_on() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"idleTimeoutMs":0}"#));
    for _ in 0..3 {
        talk.pass(seconds(60));
        still_active(&mut talk);
    }
    assert!(talk.runs(handle));
    talk.turn_completed("completed");
    assert_eq!(talk.end(handle).1, None);
}

/// Until the runtime was asked how the turns of the thread ended; gives the id of that question.
fn idle_thread(talk: &mut Talk) -> Value {
    talk.pass(seconds(60));
    let read = talk.written().pop().unwrap();
    assert_eq!((&read["method"], &read["params"]["includeTurns"]), (&"thread/read".into(), &false.into()));
    talk.hear(json!({"id": read["id"], "result": {"thread": {"status": {"type": "idle"}}}}));
    let list = talk.written().pop().unwrap();
    assert_eq!(list["method"], "thread/turns/list");
    list["id"].clone()
}

#[test]
fn a_turn_whose_end_was_lost_is_recovered_from_what_the_runtime_remembers() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.message("seen");
    let list = idle_thread(&mut talk);
    talk.hear(json!({"id": list, "result": {"data": [{"id": TURN, "status": "completed", "durationMs": 9}]}}));
    let items = talk.written().pop().unwrap();
    let item = |id: &str| json!({"turnId": TURN, "item": {"type": "agentMessage", "id": format!("m-{id}"), "phase": null, "text": id}});
    talk.hear(json!({"id": items["id"], "result": {"data": [item("seen")], "nextCursor": "next"}}));
    let more = talk.written().pop().unwrap();
    assert_eq!(more["params"]["cursor"], "next");
    talk.hear(json!({"id": more["id"], "result": {"data": [item("unseen")], "nextCursor": null}}));
    let (result, status) = talk.end(handle);
    let result = result.unwrap();
    assert_eq!((status, &result["finalResponse"], &result["durationMs"]), (None, &"unseen".into(), &9.into()));
    assert_eq!(result["items"].as_array().unwrap().len(), 2);
    assert_eq!(talk.kinds(handle).last(), Some(&EventKind::TurnEnded));
}

#[test]
fn a_runtime_that_refuses_to_tell_breaks_the_protocol() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.message("part");
    let list = idle_thread(&mut talk);
    talk.hear(json!({"id": list, "error": {"code": -32600, "message": "ephemeral threads do not support this"}}));
    let (result, status) = talk.end(handle);
    assert_eq!(status, Some(Status::Protocol));
    assert_eq!(result.unwrap()["items"][0]["text"], "part");
}

#[test]
fn a_turn_that_the_runtime_does_not_know_breaks_the_protocol() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    let list = idle_thread(&mut talk);
    talk.hear(json!({"id": list, "result": {"data": [{"id": "another", "status": "completed"}]}}));
    assert_eq!(talk.end(handle).1, Some(Status::Protocol));
}

#[test]
fn a_runtime_that_answers_nothing_is_a_lost_connection() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.message("part");
    talk.pass(seconds(71));
    let (result, status) = talk.end(handle);
    assert_eq!(status, Some(Status::Transport));
    assert_eq!(result.unwrap()["items"][0]["text"], "part");
}

#[test]
fn a_completion_that_comes_while_the_runtime_is_asked_counts() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    let list = idle_thread(&mut talk);
    talk.turn_completed("completed");
    talk.hear(json!({"id": list, "result": {"data": []}}));
    assert_eq!(talk.end(handle).1, None);
}

#[test]
fn budgets_end_a_turn_with_what_it_did() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"maxTokens":100}"#));
    let usage =
        |tokens: u64| json!({"tokenUsage": {"last": {"totalTokens": tokens}, "total": {"totalTokens": tokens}}});
    talk.event("thread/tokenUsage/updated", usage(100));
    assert!(talk.written().is_empty());
    talk.event("thread/tokenUsage/updated", usage(1));
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
    talk.turn_completed("interrupted");
    let (result, status) = talk.end(handle);
    assert_eq!((status, result.unwrap()["endedBy"].clone()), (Some(Status::Limit), "tokenLimit".into()));
}

#[test]
fn commands_and_tools_are_counted_against_their_budget() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"maxToolCalls":1}"#));
    for id in ["a", "b"] {
        talk.event("item/started", json!({"item": {"type": "commandExecution", "id": id}}));
    }
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
    talk.turn_completed("interrupted");
    assert_eq!(talk.end(handle).0.unwrap()["endedBy"], "toolLimit");
}

#[test]
fn a_joined_turn_obeys_the_limits_of_both() {
    let mut talk = Talk::new();
    let first = talk.running(Delivery::Discarded, Limits::default());
    let (_, id) = talk.begin(Delivery::Discarded, limits(r#"{"timeoutMs":1000}"#));
    talk.answer_start(id, TURN);
    talk.pass(seconds(1));
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
    talk.turn_completed("interrupted");
    assert_eq!(talk.end(first).1, Some(Status::TurnTimedOut));
}

#[test]
fn an_overloaded_runtime_is_asked_again_until_the_time_is_up() {
    let mut talk = Talk::new();
    let call = talk.session.begin_call("m", "{}", Some((talk.now + seconds(5)).into())).unwrap();
    let mut asked = 0;
    while talk.session.take_answer(call).is_none_or(|answer| {
        assert_eq!(answer.unwrap_err().status(), Status::Overloaded);
        false
    }) {
        for line in talk.written() {
            asked += 1;
            let error = json!({"code": -32001, "message": "Server overloaded; retry later."});
            talk.hear(json!({"id": line["id"], "error": error}));
        }
        talk.pass(Duration::from_millis(50));
        assert!(asked < 100);
    }
    assert!(asked > 3, "asked {asked} times");
}

#[test]
fn a_deadline_is_not_put_off_by_events() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits(r#"{"timeoutMs":2000}"#));
    let call = talk.session.begin_call("m", "{}", Some((talk.now + seconds(2)).into())).unwrap();
    talk.written();
    for _ in 0..19 {
        talk.pass(Duration::from_millis(100));
        talk.message("busy");
    }
    assert!(talk.written().is_empty());
    talk.pass(Duration::from_millis(100));
    assert_eq!(talk.written_methods(), ["turn/interrupt"]);
    assert_eq!(talk.session.take_answer(call).unwrap().unwrap_err().status(), Status::TimedOut);
    talk.turn_completed("interrupted");
    assert_eq!(talk.end(handle).1, Some(Status::TurnTimedOut));
}

use super::*;

fn start_on(talk: &mut Talk, thread: ThreadKey) -> Result<HandleId> {
    let start = plain_start(thread);
    talk.session.start_turn(talk.now, &start)
}

#[test]
fn no_turn_starts_on_a_thread_that_is_not_followed() {
    let mut talk = Talk::new();
    let (thread, other) = (talk.thread(THREAD), talk.thread("thread-2"));
    talk.session.leave_thread(thread);
    let handle = start_on(&mut talk, thread).unwrap();
    let error = talk.session.turn_ended(handle).unwrap().error.clone().unwrap();
    assert_eq!((error.status(), error.reason()), (Status::InvalidArgument, "threadNotSubscribed"));
    assert!(talk.written().is_empty());
    let handle = start_on(&mut talk, other).unwrap();
    assert!(talk.runs(handle));
}

#[test]
fn a_thread_that_is_resumed_is_followed_again_by_all_who_hold_it() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    talk.session.leave_thread(thread);
    talk.session.open_thread("thread/resume", "{}", None, Announce::Nothing).unwrap();
    let id = talk.written()[0]["id"].as_i64().unwrap();
    talk.hear(json!({"id": id, "result": {"thread": {"id": THREAD}}}));
    let handle = start_on(&mut talk, thread).unwrap();
    assert!(talk.runs(handle));
}

#[test]
fn a_thread_with_a_turn_under_way_is_not_left() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    let thread = talk.thread(THREAD);
    assert_eq!(talk.session.ensure_quiet(thread).unwrap_err().reason(), "turnRunning");
    talk.session.free_turn(talk.now, handle);
    talk.session.ensure_quiet(thread).unwrap();
}

#[test]
fn usage_from_before_the_turn_does_not_count_for_it() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let report = |talk: &mut Talk, turn: &str, total: i64, last: i64| {
        let usage = json!({"total": {"totalTokens": total}, "last": {"totalTokens": last}});
        talk.event("thread/tokenUsage/updated", json!({"turnId": turn, "tokenUsage": usage}));
    };
    report(&mut talk, "earlier", 107, 107);
    let handle = start_on(&mut talk, thread).unwrap();
    let id = talk.written()[0]["id"].as_i64().unwrap();
    talk.answer_start(id, TURN);
    report(&mut talk, TURN, 107, 107);
    report(&mut talk, TURN, 160, 53);
    talk.turn_completed("completed");
    assert_eq!(talk.end(handle).0.unwrap()["usage"]["turn"]["totalTokens"], 53);
}

//! Turns whose events come in the wrong order, or not at all.

use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::thread::{Origin, Thread};
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, FinishTurn, Script, Turn};
use serde_json::{Value, json};

use crate::support::fake::{Fake, details, play};
use crate::support::follow::{End, begin, count, end, events, items, messages, run, run_with, start, texts};

/// Limits with which a turn that fell silent is looked after soon.
fn soon() -> Value {
    json!({"silenceMs": 300})
}

fn without(methods: &[&str]) -> Turn {
    Turn { omit: methods.iter().map(|method| (*method).to_owned()).collect(), ..Turn::default() }
}

fn started(turn: Turn) -> Script {
    Script::new().on("turn/start", [Action::turn(turn)])
}

#[test]
fn events_before_the_answer_are_not_lost() {
    play(started(Turn { before_reply: true, ..Turn::default() }), |fake| {
        let events = events(&start(&fake.thread(), "hello"));
        assert_eq!(count(&events, EventKind::TurnStarted), 1);
        assert_eq!(texts(&events, EventKind::MessageDelta).concat(), "Hello from the fake runtime.");
        assert_eq!(events.last().map(|event| event.kind()), Some(EventKind::TurnEnded));
    });
}

/// The whole turn, then the answer that tells its id.
fn backwards() -> Script {
    let answer = Action::reply(json!({"turn": {"id": "$turnId", "status": "inProgress"}}));
    Script::new().on("turn/start", [Action::turn(without(&["reply"])), Action::sleep_ms(50), answer])
}

#[test]
fn a_completion_before_the_answer_ends_the_turn() {
    play(backwards(), |fake| {
        let result = run(&fake.thread(), "hello").completed();
        assert_eq!(messages(&result), ["Hello from the fake runtime."]);
        assert_eq!(items(&result, "userMessage").len(), 1);
        assert_eq!(result["usage"]["turn"]["totalTokens"], 15);
    });
}

#[test]
fn every_event_before_the_answer_comes_to_the_handle_in_order() {
    play(backwards(), |fake| {
        let turn = begin(&fake.thread(), "hello");
        let kinds: Vec<EventKind> = events(&turn).iter().map(|event| event.kind()).collect();
        let place =
            |kind| kinds.iter().position(|known| *known == kind).unwrap_or_else(|| panic!("no {kind:?} in {kinds:?}"));
        let order = [
            EventKind::TurnStarted,
            EventKind::MessageDelta,
            EventKind::Usage,
            EventKind::TurnCompleted,
            EventKind::TurnEnded,
        ];
        assert!(order.map(place).is_sorted(), "{kinds:?}");
        assert_eq!(place(EventKind::TurnEnded), kinds.len() - 1);
    });
}

#[test]
fn a_turn_whose_completion_is_missing_is_recovered() {
    play(started(without(&["turn/completed"])), |fake| {
        let result = run(&fake.thread_with(soon()), "hello").completed();
        assert_eq!(messages(&result), ["Hello from the fake runtime."]);
        assert_eq!(fake.calls("thread/turns/list").len(), 1);
    });
}

#[test]
fn items_that_were_never_reported_are_recovered_too_and_come_once() {
    play(started(without(&["turn/completed", "item/completed"])), |fake| {
        let turn = start(&fake.thread_with(soon()), "hello");
        let events = events(&turn);
        assert_eq!(count(&events, EventKind::TurnEnded), 1);
        let result = end(&turn).completed();
        assert_eq!(messages(&result), ["Hello from the fake runtime."]);
        assert_eq!(items(&result, "userMessage").len(), 1);
        assert_eq!(fake.calls("thread/items/list")[0]["turnId"], turn.id().as_str());
    });
}

#[test]
fn a_failure_that_was_never_reported_is_recovered_as_a_failure() {
    let failed = Turn {
        error: Some(json!({"message": "no quota", "codexErrorInfo": "usageLimitExceeded"})),
        ..without(&["turn/completed"])
    };
    play(started(failed), |fake| {
        let (result, error) = run(&fake.thread_with(soon()), "hello").not_completed();
        assert_eq!((error.status(), error.reason()), (Status::TurnFailed, "usageLimitExceeded"));
        assert_eq!(result["endedBy"], "failed");
    });
}

#[test]
fn a_silent_turn_whose_thread_is_active_goes_on() {
    let finish = Action::finish_turn(FinishTurn::default());
    let held = Turn { deltas: Some(vec!["late".into()]), ..Turn::held() };
    let script = Script::new().on(
        "turn/start",
        [Action::turn(held), Action::wait_for("thread/read"), Action::wait_for("thread/read"), finish],
    );
    play(script, |fake| {
        let result = run(&fake.thread_with(soon()), "hello").completed();
        assert_eq!(messages(&result), ["late"]);
        assert!(fake.calls("thread/turns/list").is_empty());
    });
}

/// A run whose end is never reported, with a runtime that answers `method` with an error.
fn refused(fake: &Fake) -> End {
    run(&fake.thread_with(soon()), "hello")
}

/// What was collected of a turn whose end is not known.
fn partial(end: End, reason: &str) {
    let (result, error) = end.not_completed();
    assert_eq!((error.status(), error.reason()), (Status::Protocol, reason), "{error}");
    assert_eq!(messages(&result), ["Hello from the fake runtime."]);
    assert_eq!(result["endedBy"], "transportClosed");
    assert_eq!(result["usage"]["turn"]["totalTokens"], 15);
}

fn refusing(method: &str) -> Script {
    started(without(&["turn/completed"])).on(method, [Action::error(-32603, "the disk is full")])
}

#[test]
fn a_runtime_that_refuses_to_read_the_thread_breaks_the_protocol() {
    play(refusing("thread/read"), |fake| partial(refused(fake), "threadUnreadable"));
}

#[test]
fn a_runtime_that_refuses_to_list_the_turns_breaks_the_protocol() {
    play(refusing("thread/turns/list"), |fake| partial(refused(fake), "turnsUnlisted"));
}

#[test]
fn a_runtime_that_refuses_to_list_the_items_breaks_the_protocol() {
    play(refusing("thread/items/list"), |fake| partial(refused(fake), "itemsUnlisted"));
}

#[test]
fn a_runtime_that_has_forgotten_the_turn_breaks_the_protocol() {
    let script = started(without(&["turn/completed"]))
        .on("thread/turns/list", [Action::reply(json!({"data": [], "nextCursor": null}))]);
    play(script, |fake| partial(refused(fake), "turnLost"));
}

#[test]
fn listings_of_a_strange_shape_end_the_turn_all_the_same() {
    for (method, answer) in
        [("thread/turns/list", json!([])), ("thread/items/list", json!({"data": 5})), ("thread/read", json!(null))]
    {
        let script = started(without(&["turn/completed"])).on(method, [Action::reply(answer)]);
        play(script, |fake| {
            let thread = fake.thread_with(soon());
            let end = run(&thread, "hello");
            let status = end.error.as_ref().map(|error| error.status());
            assert!(matches!(status, None | Some(Status::Protocol)), "{end:?}");
            assert_eq!(messages(&end.result), ["Hello from the fake runtime."]);
        });
    }
}

#[test]
fn listings_that_never_end_are_not_read_for_ever() {
    let item = json!({"type": "reasoning", "id": "again"});
    let endless = Action::reply(json!({"data": [{"turnId": "$turnId", "item": item}], "nextCursor": "more"}));
    play(started(without(&["turn/completed"])).on("thread/items/list", [endless]), |fake| {
        partial(run(&fake.thread_with(soon()), "hello"), "itemsUnlisted");
    });
}

#[test]
fn a_page_without_items_is_the_last() {
    let empty = Action::reply(json!({"data": [], "nextCursor": "more"}));
    play(started(without(&["turn/completed"])).on("thread/items/list", [empty]), |fake| {
        run(&fake.thread_with(soon()), "hello").completed();
        assert_eq!(fake.calls("thread/items/list").len(), 1);
    });
}

#[test]
fn items_are_recovered_from_every_page() {
    let many = (0..60).map(|number| json!({"type": "future", "id": format!("item-{number}")})).collect();
    play(started(Turn { items: many, ..without(&["turn/completed", "item/completed"]) }), |fake| {
        let result = run(&fake.thread_with(soon()), "hello").completed();
        assert_eq!(items(&result, "future").len(), 60);
        assert_eq!(fake.calls("thread/items/list").len(), 3);
    });
}

#[test]
fn a_runtime_that_falls_silent_is_a_lost_connection_and_the_result_is_kept() {
    let said = Turn { deltas: Some(vec!["half a sen".into()]), ..Turn::held() };
    play(Script::new().on("turn/start", [Action::turn(said), Action::silence()]), |fake| {
        let (result, error) = run(&fake.thread_with(soon()), "hello").not_completed();
        assert_eq!(error.status(), Status::Transport, "{error}");
        assert_eq!((&result["endedBy"], &result["partialResponse"]), (&json!("transportClosed"), &json!("half a sen")));
        assert_eq!(items(&result, "userMessage").len(), 1);
    });
}

#[test]
fn a_turn_that_is_refused_ends_with_the_words_of_the_runtime() {
    let script = Script::new().on("turn/start", [Action::error(-32600, "thread not found: x")]);
    play(script, |fake| {
        let (result, error) = run(&fake.thread(), "hello").not_completed();
        assert_eq!((error.status(), error.reason(), result), (Status::Rpc, "threadNotFound", Value::Null));
    });
}

#[test]
fn an_answer_without_a_turn_breaks_the_protocol() {
    for answer in [json!({}), json!({"turn": {"id": ""}}), json!({"turn": {"id": 5}}), json!(null)] {
        play(Script::new().on("turn/start", [Action::reply(answer)]), |fake| {
            let (_, error) = run(&fake.thread(), "hello").not_completed();
            assert_eq!(error.status(), Status::Protocol);
        });
    }
}

#[test]
fn an_answer_without_a_thread_breaks_the_protocol() {
    play(Script::new().on("thread/start", [Action::reply(json!({"thread": {}}))]), |fake| {
        let error = Thread::open(&fake.client(), Origin::New, None).unwrap_err();
        assert_eq!(error.status(), Status::Protocol);
    });
}

#[test]
fn a_failed_turn_keeps_its_items_and_what_the_runtime_said() {
    let error = json!({"message": "stream broke", "codexErrorInfo": {"responseStreamDisconnected": {"httpStatusCode": 502}}, "additionalDetails": "peer reset"});
    play(started(Turn { error: Some(error.clone()), text: Some("almost".into()), ..Turn::default() }), move |fake| {
        let (result, failure) = run(&fake.thread(), "hello").not_completed();
        assert_eq!((failure.status(), failure.reason()), (Status::TurnFailed, "responseStreamDisconnected"));
        assert!(failure.is_retryable());
        assert_eq!(failure.message(), "stream broke (peer reset)");
        assert_eq!(details(&failure)["codexErrorInfo"], error["codexErrorInfo"]);
        assert_eq!((&result["status"], &result["error"]), (&json!("failed"), &error));
        assert_eq!((&result["partialResponse"], items(&result, "userMessage").len()), (&json!("almost"), 1));
    });
}

#[test]
fn an_interruption_by_somebody_else_is_told() {
    play(started(Turn { status: Some("interrupted".into()), ..Turn::default() }), |fake| {
        let (result, error) = run(&fake.thread(), "hello").not_completed();
        assert_eq!(error.status(), Status::TurnInterrupted);
        assert!(error.message().contains("not by this client"), "{}", error.message());
        assert_eq!(result["endedBy"], "interrupted");
    });
}

#[test]
fn a_second_completion_changes_nothing() {
    let again =
        json!({"threadId": "$threadId", "turn": {"id": "$turnId", "status": "failed", "error": {"message": "no"}}});
    let script =
        Script::new().on("turn/start", [Action::turn(Turn::default()), Action::notify("turn/completed", again)]);
    play(script, |fake| {
        let thread = fake.thread();
        let turn = start(&thread, "hello");
        end(&turn).completed();
        run(&thread, "again").completed();
        end(&turn).completed();
    });
}

#[test]
fn the_completion_of_another_turn_ends_nothing() {
    let other = json!({"threadId": "$threadId", "turn": {"id": "another", "status": "completed"}});
    let idle = json!({"threadId": "$threadId", "status": {"type": "idle"}});
    let script = Script::new().on(
        "turn/start",
        [
            Action::turn(Turn::held()),
            Action::notify("turn/completed", other),
            Action::notify("thread/status/changed", idle),
            Action::sleep_ms(100),
            Action::finish_turn(FinishTurn {
                with: Turn { deltas: Some(vec!["mine".into()]), ..Turn::default() },
                ..FinishTurn::default()
            }),
        ],
    );
    play(script, |fake| assert_eq!(messages(&run_with(&fake.thread(), "hello", "{}").completed()), ["mine"]));
}

#[test]
fn a_notice_that_a_request_is_made_again_is_an_event_and_ends_nothing() {
    let ids = json!({"threadId": "$threadId", "turnId": "$turnId", "willRetry": true,
        "error": {"message": "Reconnecting... 1/5", "codexErrorInfo": {"responseStreamDisconnected": {}}}});
    let script = Script::new().on(
        "turn/start",
        [Action::turn(Turn::held()), Action::notify("error", ids), Action::finish_turn(FinishTurn::default())],
    );
    play(script, |fake| {
        let turn = start(&fake.thread(), "hello");
        let events = events(&turn);
        let notice = events.iter().find(|event| event.kind() == EventKind::Error).expect("the notice");
        assert_eq!(notice.text_str(), "Reconnecting... 1/5");
        end(&turn).completed();
    });
}

fn of_goal(turn_id: &str, method: &str, status: &str) -> Action {
    let turn = json!({"id": turn_id, "status": status, "error": null});
    Action::notify(method, json!({"threadId": "$threadId", "turn": turn}))
}

fn goal_is(status: &str) -> Action {
    Action::notify("thread/goal/updated", json!({"threadId": "$threadId", "goal": {"status": status}}))
}

#[test]
fn an_input_that_comes_between_two_turns_of_a_goal_reaches_the_next() {
    let pursued = [Action::reply(json!({"goal": {"status": "active"}})), goal_is("active")];
    let script = Script::new()
        .on("thread/goal/clear", [Action::reply(json!({"cleared": false}))])
        .on("thread/goal/set", pursued.into_iter().chain([of_goal("one", "turn/started", "inProgress")]))
        .then_on(
            "turn/steer",
            [
                of_goal("one", "turn/completed", "completed"),
                Action::error(-32600, "no active turn to steer"),
                Action::sleep_ms(100),
                of_goal("two", "turn/started", "inProgress"),
            ],
        )
        .then_on(
            "turn/steer",
            [
                Action::reply(json!({"turnId": "two"})),
                goal_is("complete"),
                of_goal("two", "turn/completed", "completed"),
            ],
        );
    play(script, |fake| {
        let turn = Handle::pursue(&fake.thread(), "count", None).unwrap();
        turn.steer(Some("go on"), None).unwrap();
        assert_eq!(end(&turn).completed()["id"], "one");
        let expected: Vec<Value> = fake.calls("turn/steer").iter().map(|call| call["expectedTurnId"].clone()).collect();
        assert_eq!(expected, ["one", "two"]);
    });
}

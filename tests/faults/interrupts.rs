//! Turns that are to end before their time.

use std::time::{Duration, Instant};

use codex::engine::error::Status;
use codex::engine::event::EventKind;
use fake_runtime::{Action, Script, Turn};
use serde_json::{Value, json};

use crate::support::fake::{Fake, limited, play};
use crate::support::follow::{begin, end, items, run, start, until};

/// How long the library waits for a runtime that does not obey, and what a busy machine may add.
const GIVEN_UP: Duration = Duration::from_secs(5 + 10);

/// How long a turn may take that is to be cut off: by then the words of the runtime have come, also on a busy machine.
const LIMIT_MS: u64 = 3000;

fn held() -> Turn {
    Turn { deltas: Some(vec!["half a sentence".into()]), ..Turn::held() }
}

fn holds() -> Script {
    Script::new().on("turn/start", [Action::turn(held())])
}

fn assert_partial(result: &Value, ended_by: &str) {
    assert_eq!((&result["endedBy"], &result["partialResponse"]), (&json!(ended_by), &json!("half a sentence")));
    assert_eq!(items(result, "userMessage").len(), 1);
}

#[test]
fn an_interrupted_turn_keeps_what_it_did_and_the_thread_goes_on() {
    let script = Script::new()
        .then_on("turn/start", [Action::turn(held())])
        .then_on("turn/start", [Action::turn(Turn::default())]);
    play(script, |fake| {
        let thread = fake.thread();
        let turn = start(&thread, "hello");
        until(&turn, EventKind::MessageDelta);
        turn.interrupt().unwrap();
        let (result, error) = end(&turn).not_completed();
        assert_eq!((error.status(), error.reason()), (Status::TurnInterrupted, "interrupted"));
        assert_partial(&result, "interrupted");
        run(&thread, "again").completed();
    });
}

#[test]
fn a_turn_ends_even_if_the_runtime_ignores_the_interrupt() {
    let holds_three = (0..3).fold(Script::new(), |script, _| script.then_on("turn/start", [Action::turn(held())]));
    let ignores = holds_three
        .then_on("turn/start", [])
        .then_on("turn/interrupt", [Action::reply(json!({}))])
        .then_on("turn/interrupt", [])
        .then_on("turn/interrupt", [Action::error(-32600, "no active turn to interrupt")]);
    play(ignores, |fake| {
        let client = fake.client();
        let turns = [(); 3].map(|()| start(&limited(&client, json!({})), "hello"));
        for turn in &turns {
            until(turn, EventKind::MessageDelta);
        }
        let never_started = begin(&limited(&client, json!({})), "hello");
        let begun = Instant::now();
        turns.iter().chain([&never_started]).for_each(|turn| turn.interrupt().unwrap());
        for turn in &turns {
            let (result, error) = end(turn).not_completed();
            assert_eq!(error.status(), Status::TurnInterrupted);
            assert_partial(&result, "interrupted");
        }
        let (result, error) = end(&never_started).not_completed();
        assert_eq!((error.status(), result), (Status::TurnInterrupted, Value::Null));
        assert!(begun.elapsed() < GIVEN_UP, "{:?}", begun.elapsed());
    });
}

#[test]
fn a_deadline_ends_a_turn_even_if_the_runtime_ignores_the_interrupt() {
    play(holds().on("turn/interrupt", []), |fake| {
        let begun = Instant::now();
        let (result, error) = run(&fake.thread_with(json!({"timeoutMs": LIMIT_MS})), "hello").not_completed();
        assert_eq!((error.status(), error.reason()), (Status::TurnTimedOut, "timeout"));
        assert_partial(&result, "timeout");
        assert!(begun.elapsed() < GIVEN_UP + Duration::from_millis(LIMIT_MS), "{:?}", begun.elapsed());
    });
}

fn interrupted_by(fake: &Fake, limits: Value, status: Status, ended_by: &str) {
    let (result, error) = run(&fake.thread_with(limits), "hello").not_completed();
    assert_eq!((error.status(), error.reason()), (status, ended_by));
    assert_partial(&result, ended_by);
    assert_eq!(fake.calls("turn/interrupt").len(), 1);
}

#[test]
fn a_deadline_interrupts_the_turn() {
    play(holds(), |fake| interrupted_by(fake, json!({"timeoutMs": LIMIT_MS}), Status::TurnTimedOut, "timeout"));
}

#[test]
fn a_turn_without_events_is_interrupted_as_idle() {
    play(holds(), |fake| interrupted_by(fake, json!({"idleTimeoutMs": LIMIT_MS}), Status::TurnTimedOut, "idleTimeout"));
}

#[test]
fn a_turn_that_spends_too_many_tokens_is_interrupted() {
    let usage = json!({"threadId": "$threadId", "turnId": "$turnId", "tokenUsage": {"total": {"totalTokens": 50}, "last": {"totalTokens": 50}}});
    let script =
        Script::new().on("turn/start", [Action::turn(held()), Action::notify("thread/tokenUsage/updated", usage)]);
    play(script, |fake| interrupted_by(fake, json!({"maxTokens": 49}), Status::Limit, "tokenLimit"));
}

#[test]
fn a_turn_that_runs_too_many_commands_is_interrupted() {
    let command = json!({"type": "commandExecution", "id": "call_1", "command": "true"});
    let script =
        Script::new().on("turn/start", [Action::turn(Turn { items: vec![command.clone(), command], ..held() })]);
    play(script, |fake| {
        let (result, error) = run(&fake.thread_with(json!({"maxToolCalls": 1})), "hello").not_completed();
        assert_eq!((error.status(), error.reason()), (Status::Limit, "toolLimit"));
        assert_eq!(items(&result, "commandExecution").len(), 2);
    });
}

#[test]
fn before_the_turn_has_started_the_interrupt_names_no_turn() {
    let silent = Turn { omit: vec!["turn/started".into()], ..held() };
    play(Script::new().on("turn/start", [Action::turn(silent)]), |fake| {
        let turn = start(&fake.thread(), "hello");
        turn.interrupt().unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
        assert_eq!(fake.calls("turn/interrupt")[0]["turnId"], "");
    });
}

#[test]
fn an_interrupt_that_came_too_early_is_made_again_when_the_turn_has_started() {
    let script = Script::new()
        .on("turn/start", [Action::wait_for("turn/interrupt"), Action::sleep_ms(50), Action::turn(held())]);
    play(script, |fake| {
        let turn = begin(&fake.thread(), "hello");
        turn.interrupt().unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
        let ids: Vec<Value> = fake.calls("turn/interrupt").iter().map(|call| call["turnId"].clone()).collect();
        assert_eq!(ids, [json!(""), json!(turn.id().as_str())]);
    });
}

#[test]
fn a_turn_is_interrupted_once_however_often_that_is_asked() {
    play(holds(), |fake| {
        let turn = start(&fake.thread(), "hello");
        until(&turn, EventKind::MessageDelta);
        (0..10).for_each(|_| turn.interrupt().unwrap());
        end(&turn).not_completed();
        turn.interrupt().unwrap();
        assert_eq!(fake.calls("turn/interrupt").len(), 1);
    });
}

#[test]
fn a_turn_that_completes_instead_has_completed() {
    let script = holds()
        .on("turn/interrupt", [Action::finish_turn(fake_runtime::FinishTurn::default()), Action::reply(json!({}))]);
    play(script, |fake| {
        let turn = start(&fake.thread(), "hello");
        until(&turn, EventKind::MessageDelta);
        turn.interrupt().unwrap();
        end(&turn).completed();
    });
}

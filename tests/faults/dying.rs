//! Runtimes that die.

use std::time::Duration;

use codex::engine::client::Timeout;
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use codex::engine::thread::{Origin, Thread};
use fake_runtime::{Action, Flood, Script, Turn};
use serde_json::json;

use crate::support::fake::{ask, details, limited, play, unannounced};
use crate::support::follow::{
    PATIENCE, count, end, events, eventually, items, listen, messages, next, run, start, texts, until, until_client,
};
use crate::support::real::{is_running, pid, signal};

/// A turn that stays open after a few words.
fn half_said() -> Action {
    Action::turn(Turn { deltas: Some(vec!["half a ".into(), "sentence".into()]), ..Turn::held() })
}

fn dies_in_mid_turn() -> Script {
    Script::new()
        .on("turn/start", [half_said(), Action::stderr("fatal: out of luck"), Action::sleep_ms(20), Action::exit(7)])
}

fn assert_lost(error: &Error, how: &str) {
    assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"), "{error}");
    assert_eq!(details(error)["exitStatus"], how);
    assert!(error.message().contains(how), "{}", error.message());
}

#[test]
fn an_exit_in_mid_turn_keeps_what_was_collected_and_says_how_it_came() {
    play(dies_in_mid_turn(), |fake| {
        let (result, error) = run(&fake.thread(), "hello").not_completed();
        assert_lost(&error, "exit status 7");
        assert_eq!(details(&error)["stderrTail"], "fatal: out of luck");
        assert!(error.message().contains("fatal: out of luck"), "{}", error.message());
        assert_eq!((&result["endedBy"], &result["status"]), (&json!("transportClosed"), &json!("inProgress")));
        assert_eq!(result["partialResponse"], "half a sentence");
        assert_eq!(items(&result, "userMessage").len(), 1);
    });
}

#[test]
fn a_reader_gets_every_event_that_came_then_the_end_then_nothing() {
    play(dies_in_mid_turn(), |fake| {
        let turn = start(&fake.thread(), "hello");
        let events = events(&turn);
        assert_eq!(texts(&events, EventKind::MessageDelta), ["half a ", "sentence"]);
        let last = events.last().expect("an end");
        assert_eq!(last.kind(), EventKind::TurnEnded);
        assert_lost(last.error().expect("why it ended"), "exit status 7");
        assert!(next(&turn).is_none());
    });
}

#[test]
fn a_runtime_that_is_killed_is_a_lost_connection() {
    play(Script::new().on("turn/start", [half_said()]), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        until(&turn, EventKind::MessageDelta);
        assert!(signal(pid(&client), "KILL"));
        let (result, error) = end(&turn).not_completed();
        assert_lost(&error, "killed by signal 9 (SIGKILL)");
        assert_eq!(result["partialResponse"], "half a sentence");
    });
}

#[test]
fn a_runtime_that_crashes_under_a_call_fails_that_call() {
    play(Script::new().on("crash", [Action::abort()]), |fake| {
        assert_lost(&ask(&fake.client(), "crash").unwrap_err(), "killed by signal 9 (SIGKILL)");
    });
}

#[test]
fn after_the_end_every_call_fails_at_once_with_the_same_reason() {
    play(Script::new().on("crash", [Action::exit(9)]), |fake| {
        let client = fake.client();
        let thread = limited(&client, json!({}));
        assert_lost(&ask(&client, "crash").unwrap_err(), "exit status 9");
        for _ in 0..3 {
            assert_lost(&client.call("model/list", None, Timeout::Never).unwrap_err(), "exit status 9");
            assert_lost(&client.notify("note", None).unwrap_err(), "exit status 9");
            assert_lost(&Thread::open(&client, Origin::New, None).unwrap_err(), "exit status 9");
            assert_lost(&codex::engine::turn::run(&thread, Some("x"), None).unwrap_err(), "exit status 9");
        }
        client.close(Duration::from_secs(5)).unwrap();
    });
}

#[test]
fn an_idle_client_learns_that_its_runtime_died() {
    play(Script::new(), |fake| {
        let client = fake.client();
        listen(&client);
        assert!(signal(pid(&client), "KILL"));
        let closed = until_client(&client, |event| event.kind() == EventKind::Closed);
        assert_lost(closed.error().expect("why it ended"), "killed by signal 9 (SIGKILL)");
    });
}

#[test]
fn a_runtime_that_dies_while_nobody_looks_is_reaped_all_the_same() {
    play(Script::new(), |fake| {
        let client = fake.client();
        let pid = pid(&client);
        assert!(signal(pid, "KILL"));
        eventually("the runtime is reaped", || !is_running(pid));
        drop(client);
    });
}

#[test]
fn what_a_runtime_said_before_it_ended_counts() {
    let script = Script::new().on("turn/start", [Action::turn(Turn::default()), Action::exit(1)]);
    play(script, |fake| {
        for _ in 0..10 {
            let result = run(&fake.thread(), "hello").completed();
            assert_eq!(messages(&result), ["Hello from the fake runtime."]);
        }
    });
}

#[test]
fn a_pipe_full_of_last_words_is_read_to_its_end() {
    let last_words = Action::flood(Flood { count: 4_000, ..Flood::default() });
    play(Script::new().on("turn/start", [Action::turn(Turn::held()), last_words, Action::abort()]), |fake| {
        let events = events(&start(&fake.thread(), "hello"));
        assert_eq!(count(&events, EventKind::MessageDelta), 4_000);
    });
}

#[test]
fn a_line_without_an_end_is_not_taken_for_a_message() {
    let cut = r#"{"id":2,"result":{"thread":{"id":"t"}}}"#;
    play(Script::new().on("thread/start", [Action::raw_bytes(cut.as_bytes()), Action::exit(1)]), |fake| {
        assert_lost(&Thread::open(&fake.client(), Origin::New, None).unwrap_err(), "exit status 1");
    });
}

#[test]
fn a_runtime_that_closes_its_output_and_lives_on_is_ended() {
    let script = Script::new().on("turn/start", [half_said(), Action::close_stdout()]).ignore_eof().ignore_term();
    play(script, |fake| {
        let (result, error) = run(&fake.thread(), "hello").not_completed();
        assert_lost(&error, "killed by signal 9 (SIGKILL)");
        assert_eq!(result["partialResponse"], "half a sentence");
    });
}

#[test]
fn an_exit_without_an_error_is_the_end_too() {
    play(Script::new().on("turn/start", [half_said(), Action::exit(0)]), |fake| {
        let (_, error) = run(&fake.thread(), "hello").not_completed();
        assert_lost(&error, "exit status 0");
    });
}

#[test]
fn a_turn_that_was_begun_with_a_dead_runtime_does_not_start() {
    play(Script::new().on("turn/start", [Action::exit(2)]), |fake| {
        let client = fake.client();
        let turn = codex::engine::turn::Turn::start(&unannounced(&client, "t"), Some("x"), None).unwrap_err();
        assert_lost(&turn, "exit status 2");
    });
}

#[cfg(target_os = "linux")]
mod left_behind {
    use fake_runtime::{ChildOutput, SpawnChild};

    use super::*;
    use crate::support::real::runs;

    fn leaves_a_child(output: ChildOutput, end: Action) -> Script {
        let command = ["sleep", "1000"].map(str::to_owned).to_vec();
        let child = SpawnChild { command, new_session: true, output };
        Script::new().on("turn/start", [half_said(), Action::spawn_child(child), end])
    }

    #[test]
    fn the_children_of_a_runtime_that_was_killed_are_ended() {
        play(leaves_a_child(ChildOutput::Null, Action::abort()), |fake| {
            run(&fake.thread(), "hello").not_completed();
            let children = fake.children();
            assert_eq!(children.len(), 1);
            eventually("the child is ended", || !runs(children[0]));
        });
    }

    #[test]
    fn the_children_of_a_runtime_that_ended_well_are_ended_too() {
        play(leaves_a_child(ChildOutput::Null, Action::exit(0)), |fake| {
            run(&fake.thread(), "hello").not_completed();
            eventually("the child is ended", || !runs(fake.children()[0]));
        });
    }

    #[test]
    fn children_that_hold_the_pipes_do_not_keep_the_connection() {
        play(leaves_a_child(ChildOutput::Inherit, Action::abort()), |fake| {
            let (_, error) = run(&fake.thread(), "hello").not_completed();
            assert_lost(&error, "killed by signal 9 (SIGKILL)");
            eventually("the child is ended", || !runs(fake.children()[0]));
        });
    }
}

#[test]
fn the_others_live_on_when_one_runtime_dies() {
    play(Script::new().on("crash", [Action::abort()]), |fake| {
        let (one, other) = (fake.client(), fake.client());
        ask(&one, "crash").unwrap_err();
        run(&limited(&other, json!({})), "hello").completed();
    });
}

#[test]
fn a_caller_in_each_kind_of_wait_is_let_go() {
    play(Script::new().on("turn/start", [half_said()]).on("never", []), |fake| {
        let client = fake.client();
        let turns = ["a", "b", "c"].map(|id| start(&unannounced(&client, id), "hello"));
        listen(&client);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(end(&turns[0]).error.is_some()));
            scope.spawn(|| assert_eq!(events(&turns[1]).last().map(|event| event.kind()), Some(EventKind::TurnEnded)));
            scope.spawn(|| until_client(&client, |event| event.kind() == EventKind::Closed));
            scope.spawn(|| {
                assert_lost(
                    &client.call("never", None, Timeout::After(PATIENCE)).unwrap_err(),
                    "killed by signal 9 (SIGKILL)",
                )
            });
            fake.called("never", 1);
            assert!(signal(pid(&client), "KILL"));
        });
    });
}

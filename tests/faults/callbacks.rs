//! What the host may do in its callbacks.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::connection::Deadline;
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Request, Scope};
use codex::engine::thread::Thread;
use codex::engine::turn::{self, Verdict};
use fake_runtime::{Action, FinishTurn, Script, Turn};
use serde_json::json;

use crate::support::fake::{Fake, ask, limited, play, unannounced};
use crate::support::follow::{PATIENCE, begin, eventually, messages, parsed, run};

fn echoes() -> Script {
    let echo = Turn { deltas: Some(vec!["echo ".into(), "$text".into()]), ..Turn::default() };
    Script::new().on("turn/start", [Action::turn(echo)]).on("model/list", [Action::reply("models")])
}

/// A run whose callback does `work` at the first piece of text; gives the run's error.
fn streamed(thread: &Thread, mut work: impl FnMut() -> Verdict) -> Option<Error> {
    let mut first = true;
    let (_, error) = turn::run_streamed(thread, Some("hello"), None, |event| {
        if event.kind() != EventKind::MessageDelta || !std::mem::take(&mut first) {
            return Verdict::Continue;
        }
        work()
    })
    .expect("the call itself works");
    error
}

#[test]
fn a_callback_may_call_and_run_other_turns() {
    play(echoes(), |fake| {
        let client = fake.client();
        let (thread, other) = (limited(&client, json!({})), limited(&client, json!({})));
        let error = streamed(&thread, || {
            assert_eq!(ask(&client, "model/list").unwrap(), "models");
            assert_eq!(messages(&run(&other, "nested").completed()), ["echo nested"]);
            assert!(streamed(&other, || Verdict::Continue).is_none());
            limited(&client, json!({})).set_name("born in a callback").unwrap();
            Verdict::Continue
        });
        assert!(error.is_none(), "{error:?}");
    });
}

#[test]
fn a_callback_may_stop_its_turn() {
    let half = Turn { deltas: Some(vec!["half".into()]), ..Turn::held() };
    play(Script::new().on("turn/start", [Action::turn(half)]), |fake| {
        let error = streamed(&fake.thread(), || Verdict::Interrupt).expect("the turn was stopped");
        assert_eq!(error.status(), Status::TurnInterrupted);
        assert_eq!(fake.calls("turn/interrupt").len(), 1);
    });
}

#[test]
fn a_callback_that_stops_a_turn_too_late_is_told_so() {
    play(echoes().on("turn/interrupt", []), |fake| {
        let error = streamed(&fake.thread(), || Verdict::Interrupt).expect("the turn was stopped");
        assert_eq!((error.status(), error.reason()), (Status::TurnInterrupted, "interrupted"));
    });
}

#[test]
fn after_it_has_stopped_its_turn_a_callback_is_left_alone() {
    let half = Turn { deltas: Some(vec!["a".into(), "b".into(), "c".into()]), ..Turn::held() };
    play(Script::new().on("turn/start", [Action::turn(half)]), |fake| {
        let mut seen = 0;
        let stop = |_: &codex::engine::event::Event| {
            seen += 1;
            Verdict::Interrupt
        };
        turn::run_streamed(&fake.thread(), Some("hello"), None, stop).unwrap();
        assert_eq!(seen, 1);
    });
}

#[test]
fn a_callback_may_drop_the_client_and_its_turn_goes_on() {
    play(echoes(), |fake| {
        let mut client = Some(fake.client());
        let thread = limited(client.as_ref().unwrap(), json!({}));
        let error = streamed(&thread, || {
            drop(client.take());
            Verdict::Continue
        });
        assert!(error.is_none(), "{error:?}");
    });
}

#[test]
fn a_callback_may_close_the_client_and_its_turn_ends() {
    let half = Turn { deltas: Some(vec!["half".into()]), ..Turn::held() };
    play(Script::new().on("turn/start", [Action::turn(half)]), |fake| {
        let client = fake.client();
        let error = streamed(&limited(&client, json!({})), || {
            client.close(PATIENCE).unwrap();
            Verdict::Continue
        });
        assert_eq!(error.expect("the turn did not complete").status(), Status::Closed);
    });
}

#[test]
fn a_callback_that_panics_leaves_the_client_usable() {
    play(echoes(), |fake| {
        let client = fake.client();
        let thread = limited(&client, json!({}));
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            streamed(&thread, || std::panic::resume_unwind(Box::new(())))
        }));
        assert!(panics.is_err());
        run(&limited(&client, json!({})), "hello").completed();
    });
}

/// A turn that asks once and ends when it has been answered.
fn asks() -> Script {
    let request = Action::request(
        0,
        "item/commandExecution/requestApproval",
        json!({"threadId": "$threadId", "turnId": "$turnId"}),
    );
    let finish = Action::finish_turn(FinishTurn::default());
    Script::new()
        .on("turn/start", [Action::turn(Turn::held()), request, Action::wait_answer(0), finish])
        .on("model/list", [Action::reply("models")])
}

/// A client whose handler gets the client too, and the client's thread.
fn handled(
    fake: &Fake,
    handler: impl Fn(&Client, Request) + Send + Sync + 'static,
) -> (Arc<Mutex<Option<Client>>>, Thread) {
    let own = Arc::new(Mutex::new(None::<Client>));
    let known = Arc::clone(&own);
    let client = fake.client_with(|options| {
        options.request_handler = Some(Arc::new(move |request| {
            let client = known.lock().unwrap().clone().expect("the client is there");
            handler(&client, request);
        }));
    });
    let thread = limited(&client, json!({}));
    *own.lock().unwrap() = Some(client);
    (own, thread)
}

#[test]
fn a_handler_may_call_the_runtime() {
    play(asks(), |fake| {
        let (client, thread) = handled(fake, |client, request| {
            assert_eq!(ask(client, "model/list").unwrap(), "models");
            limited(client, json!({}));
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        });
        run(&thread, "hello").completed();
        assert_eq!(fake.answers(), [r#"{"id":0,"result":{"decision":"accept"}}"#]);
        client.lock().unwrap().take();
    });
}

#[test]
fn a_handler_that_would_wait_for_ever_is_told_so() {
    play(asks(), |fake| {
        let (report, reports) = channel();
        let (client, thread) = handled(fake, move |client, request| {
            let other = unannounced(client, "another");
            let run = turn::run(&other, Some("nested"), None).map(drop);
            let streamed = turn::run_streamed(&other, Some("nested"), None, |_| Verdict::Continue).map(drop);
            let read = client.next_event(Deadline::Never).map(drop);
            let close = client.close(Duration::from_secs(1));
            report.send([run, streamed, read, close].map(|outcome| outcome.map_err(|error| error.status()))).unwrap();
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        });
        run(&thread, "hello").completed();
        assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), [const { Err(Status::WouldDeadlock) }; 4]);
        assert_eq!(fake.calls("turn/start").len(), 1);
        client.lock().unwrap().take();
    });
}

#[test]
fn the_last_handle_may_be_dropped_in_a_handler() {
    play(asks(), |fake| {
        let slot = Arc::new(Mutex::new(None));
        let own = Arc::clone(&slot);
        let (dropped, told) = channel();
        let client = fake.client_with(|options| {
            options.request_handler = Some(Arc::new(move |_| {
                drop(own.lock().unwrap().take());
                dropped.send(()).unwrap();
            }));
        });
        // The handler waits for this lock, however early it runs.
        let mut kept = slot.lock().unwrap();
        let turn = begin(&limited(&client, json!({})), "hello");
        *kept = Some((client, turn));
        drop(kept);
        told.recv_timeout(PATIENCE).unwrap();
    });
}

#[test]
fn logs_and_traces_may_use_the_client_and_take_their_time() {
    play(echoes(), |fake| {
        let (seen, sink) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None::<Client>)));
        let (lines, client) = (Arc::clone(&seen), Arc::clone(&sink));
        let connected = fake.client_with(|options| {
            options.trace = Some(Arc::new(move |_, line| {
                let client = client.lock().unwrap().clone();
                let stats = client.map(|client: Client| parsed(&client.stats_json().unwrap()));
                lines.lock().unwrap().push((line.to_owned(), stats.is_some()));
            }));
        });
        *sink.lock().unwrap() = Some(connected.clone());
        run(&limited(&connected, json!({})), "hello").completed();
        connected.close(PATIENCE).unwrap();
        eventually("the trace", || seen.lock().unwrap().iter().any(|(line, _)| line.contains("turn/completed")));
        assert!(seen.lock().unwrap().iter().any(|(_, with_stats)| *with_stats));
        sink.lock().unwrap().take();
    });
}

#[test]
fn a_log_that_panics_harms_nothing() {
    play(echoes(), |fake| {
        let client = fake.client_with(|options| {
            options.trace = Some(Arc::new(|_, _| std::panic::resume_unwind(Box::new(()))));
        });
        run(&limited(&client, json!({})), "hello").completed();
    });
}

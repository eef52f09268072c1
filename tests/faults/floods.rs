//! More than anybody can take.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::login::{Flow, Login};
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, FinishTurn, Flood, Script, Turn};
use serde_json::json;

use crate::support::alone::alone;
use crate::support::fake::{Fake, THREAD, ask, limited, play, stat, unannounced};
use crate::support::follow::{begin, end, eventually, listen, next, next_of_client, run, start, until};

const MILLION: u64 = 1_000_000;

const CEILING: usize = 4 << 20;

/// How far above the ceiling a queue may get: what one read of the pipe brings.
const SLACK: u64 = 1 << 20;

fn flood(count: u64) -> Action {
    Action::flood(Flood { count, ..Flood::default() })
}

/// A turn with so many pieces of text.
fn floods(count: u64) -> Script {
    Script::new()
        .on("turn/start", [Action::turn(Turn::held()), flood(count), Action::finish_turn(FinishTurn::default())])
}

/// A turn with so much text that merging it does not make the queue last.
fn floods_wide(count: u64) -> Script {
    let wide = Action::flood(Flood { count, text_bytes: 1000, ..Flood::default() });
    Script::new().on("turn/start", [Action::turn(Turn::held()), wide, Action::finish_turn(FinishTurn::default())])
}

/// A client with small queues.
fn small(fake: &Fake) -> Client {
    fake.client_with(|options| options.set_max_queued_bytes(CEILING).unwrap())
}

/// Reads a turn to its end and counts its pieces of text, merged or not.
fn read_all(turn: &Handle) -> u64 {
    let mut deltas = 0;
    while let Some(event) = next(turn) {
        if event.kind() == EventKind::MessageDelta {
            deltas += u64::from(event.merged());
        }
    }
    deltas
}

fn assert_bounded(client: &Client) {
    let peak = stat(client.connection(), "peakQueuedBytes");
    assert!(peak <= CEILING as u64 + SLACK, "{peak} bytes were queued");
}

#[test]
fn a_reader_gets_a_million_events() {
    play(floods(MILLION), |fake| {
        let client = small(fake);
        let turn = start(&unannounced(&client, THREAD), "hello");
        assert_eq!(read_all(&turn), MILLION);
        end(&turn).completed();
        assert_bounded(&client);
    });
}

#[test]
fn a_run_collects_a_million_events_without_queueing_them() {
    play(floods(MILLION), |fake| {
        let client = small(fake);
        run(&unannounced(&client, THREAD), "hello").completed();
        assert!(stat(client.connection(), "receivedMessages") >= MILLION);
        assert!(stat(client.connection(), "peakQueuedBytes") <= SLACK);
    });
}

/// What this process occupies, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Waits until the client reads no further.
fn held_back(client: &Client) {
    let received = || stat(client.connection(), "receivedMessages");
    eventually("the runtime is held back", || {
        let before = received();
        thread::sleep(Duration::from_millis(300));
        before > 0 && received() == before && stat(client.connection(), "queuedBytes") >= CEILING as u64
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_unread_handle_holds_the_runtime_back_and_loses_nothing() {
    alone(|| {
        play(floods(MILLION), |fake| {
            let client = small(fake);
            let before = resident();
            let turn = start(&unannounced(&client, THREAD), "hello");
            held_back(&client);
            assert!(stat(client.connection(), "receivedMessages") < MILLION / 2);
            assert_bounded(&client);
            let grown = resident().saturating_sub(before);
            assert!(grown < 4 * CEILING as u64, "{grown} bytes for a queue of {CEILING}");
            assert_eq!(read_all(&turn), MILLION);
            end(&turn).completed();
            assert_bounded(&client);
            assert!(stat(client.connection(), "deltasMerged") > 0);
            assert!(stat(client.connection(), "peakTurnQueueBytes") >= CEILING as u64 / 2);
        });
    });
}

#[test]
fn waiting_for_the_end_lets_go_of_what_was_queued() {
    play(floods(200_000), |fake| {
        let client = small(fake);
        let turn = start(&unannounced(&client, THREAD), "hello");
        held_back(&client);
        end(&turn).completed();
        assert_eq!(stat(client.connection(), "queuedBytes"), 0);
    });
}

#[test]
fn freeing_an_unread_handle_lets_the_others_go_on() {
    play(floods(200_000), |fake| {
        let client = small(fake);
        let (unread, other) = (start(&unannounced(&client, THREAD), "hello"), unannounced(&client, "another"));
        held_back(&client);
        drop(unread);
        run(&other, "hello").completed();
    });
}

#[test]
fn a_call_gets_past_a_full_queue_when_its_answer_is_near() {
    play(floods(200_000).on("near", [Action::reply("here")]), |fake| {
        let client = small(fake);
        let turn = start(&unannounced(&client, THREAD), "hello");
        held_back(&client);
        assert_eq!(ask(&client, "near").unwrap(), "here");
        assert_eq!(read_all(&turn), 200_000);
    });
}

#[test]
fn a_call_whose_answer_lies_behind_a_full_queue_names_the_turn_that_nobody_reads() {
    play(floods_wide(50_000).on("far", []), |fake| {
        let client = small(fake);
        let turn = start(&unannounced(&client, THREAD), "hello");
        held_back(&client);
        let error = client.call("far", None, Timeout::Never).unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::WouldDeadlock, "queueFull"));
        assert!(error.message().contains(turn.id().as_str()), "{}", error.message());
        assert_eq!(read_all(&turn), 50_000);
    });
}

#[test]
fn an_interrupt_gets_past_a_full_queue() {
    play(floods(u64::MAX), |fake| {
        let client = small(fake);
        let turn = start(&unannounced(&client, THREAD), "hello");
        held_back(&client);
        turn.interrupt().unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
    });
}

#[test]
fn a_deadline_ends_a_turn_that_nobody_reads() {
    play(floods(u64::MAX), |fake| {
        let client = small(fake);
        let thread = limited(&client, json!({"timeoutMs": 1000}));
        let turn = start(&thread, "hello");
        until(&turn, EventKind::TurnStarted);
        eventually("the turn ends", || stat(client.connection(), "turnsOpen") == 0);
        read_all(&turn);
        assert_eq!(end(&turn).not_completed().1.status(), Status::TurnTimedOut);
    });
}

#[test]
fn what_belongs_to_no_turn_is_dropped_oldest_first_and_counted() {
    let flood = Flood {
        count: 100_000,
        method: Some("future/flood".into()),
        params: Some(json!({"x": 1})),
        ..Flood::default()
    };
    let script = Script::new()
        .on("talk", [Action::flood(flood), Action::notify("future/last", json!({})), Action::reply(json!({}))]);
    play(script, |fake| {
        let client = small(fake);
        listen(&client);
        ask(&client, "talk").unwrap();
        let dropped = stat(client.connection(), "eventsDropped");
        assert_bounded(&client);
        let mut kept = 0;
        loop {
            match next_of_client(&client).expect("the connection goes on").method() {
                b"future/last\0" => break,
                b"future/flood\0" => kept += 1,
                _ => {}
            }
        }
        assert!(kept > 0 && dropped > 0, "{kept} were kept and {dropped} dropped");
        assert!(kept + dropped >= 100_000);
        assert!(stat(client.connection(), "peakClientQueueBytes") > 0);
    });
}

#[test]
fn a_client_queue_that_nobody_reads_occupies_nothing() {
    let flood = Flood {
        count: 100_000,
        method: Some("future/flood".into()),
        params: Some(json!({"x": 1})),
        ..Flood::default()
    };
    play(Script::new().on("talk", [Action::flood(flood), Action::reply(json!({}))]), |fake| {
        let client = small(fake);
        ask(&client, "talk").unwrap();
        assert_eq!(stat(client.connection(), "peakQueuedBytes"), 0);
    });
}

#[test]
fn one_message_larger_than_the_ceiling_is_admitted_alone() {
    let large = Turn { deltas: Some(vec!["x".repeat(2 * CEILING)]), ..Turn::default() };
    play(Script::new().on("turn/start", [Action::turn(large)]), |fake| {
        let turn = start(&unannounced(&small(fake), THREAD), "hello");
        assert_eq!(read_all(&turn), 1);
        end(&turn).completed();
    });
}

#[test]
fn a_flood_before_the_answer_does_not_hang_the_start() {
    let script = Script::new().on("turn/start", [flood(200_000), Action::turn(Turn::default())]);
    play(script, |fake| {
        let client = fake.client_with(|options| {
            options.set_max_queued_bytes(CEILING).unwrap();
            options.request_timeout = Some(Duration::from_secs(20));
        });
        let turn = begin(&unannounced(&client, THREAD), "hello");
        let ended = end(&turn);
        assert!(ended.error.as_ref().is_none_or(|error| error.status() == Status::WouldDeadlock), "{ended:?}");
        drop(turn);
        ask(&client, "m").unwrap_err();
        assert!(stat(client.connection(), "peakQueuedBytes") <= CEILING as u64 + (8 << 20) + SLACK);
    });
}

#[test]
fn a_host_that_pauses_longer_than_a_turn_may_be_silent_loses_no_turn() {
    play(floods(200_000), |fake| {
        let client = small(fake);
        let turn = start(&limited(&client, json!({"silenceMs": 200, "idleTimeoutMs": 4000})), "hello");
        held_back(&client);
        thread::sleep(Duration::from_secs(6));
        assert_eq!(read_all(&turn), 200_000);
        end(&turn).completed();
        assert!(fake.calls("turn/interrupt").is_empty());
        assert_bounded(&client);
    });
}

#[test]
fn a_turn_that_is_stuck_behind_another_that_nobody_reads_ends_and_names_it() {
    let script = floods_wide(u64::MAX).on("thread/read", []);
    play(script, |fake| {
        let client = small(fake);
        let unread = start(&unannounced(&client, THREAD), "hello");
        held_back(&client);
        let (result, error) = run(&limited(&client, json!({"silenceMs": 300})), "hello").not_completed();
        assert_eq!((error.status(), error.reason()), (Status::WouldDeadlock, "queueFull"), "{error}");
        assert!(error.message().contains(unread.id().as_str()), "{}", error.message());
        // Whether it had started depends on how far the runtime got.
        assert!(result.is_null() || result["endedBy"] == "transportClosed", "{result}");
    });
}

#[test]
fn while_nothing_can_be_written_everything_is_read() {
    let question = Action::request(
        0,
        "item/commandExecution/requestApproval",
        json!({"threadId": "$threadId", "turnId": "$turnId"}),
    );
    let script = Script::new().on(
        "turn/start",
        [
            Action::turn(Turn::held()),
            Action::stop_reading(),
            Action::sleep_ms(200),
            question,
            flood(100_000),
            Action::finish_turn(FinishTurn::default()),
        ],
    );
    play(script.ignore_term(), |fake| {
        let client = fake.client();
        let turn = begin(&unannounced(&client, THREAD), "hello");
        until(&turn, EventKind::TurnStarted);
        client.notify("deaf", Some(&json!({"text": "x".repeat(8 << 20)}).to_string())).unwrap();
        let mut words = 0;
        while let Some(event) = next(&turn) {
            words += event.text_str().matches("tok ").count();
        }
        assert_eq!(words, 100_000);
        client.close(Duration::from_millis(500)).unwrap();
    });
}

#[test]
fn events_that_are_kept_for_a_turn_that_may_join_are_bounded_too() {
    let wide = Action::flood(Flood { count: 50_000, text_bytes: 1000, ..Flood::default() });
    let turn = [Action::turn(Turn::held()), Action::wait_for("thread/compact/start"), wide];
    let script = Script::new()
        .on("turn/start", turn.into_iter().chain([Action::finish_turn(FinishTurn::default())]))
        .on("thread/compact/start", []);
    play(script, |fake| {
        let client = small(fake);
        let thread = unannounced(&client, THREAD);
        let turn = start(&thread, "hello");
        thread::scope(|scope| {
            scope.spawn(|| end(&turn).completed());
            let error = Handle::compact(&thread).unwrap_err();
            assert_eq!((error.status(), error.reason()), (Status::WouldDeadlock, "queueFull"), "{error}");
        });
        assert!(stat(client.connection(), "peakQueuedBytes") <= CEILING as u64 + (8 << 20) + SLACK);
        assert_eq!(stat(client.connection(), "queuedBytes"), 0);
    });
}

#[test]
fn requests_without_end_are_refused_while_the_handler_is_busy() {
    const ASKED: usize = 3000;
    let line = |id: usize| {
        let params = json!({"threadId": "$threadId", "turnId": "$turnId", "command": "x".repeat(1000)});
        let method = "item/commandExecution/requestApproval";
        Action::raw(json!({"id": id, "method": method, "params": params}).to_string())
    };
    let asks = std::iter::once(Action::turn(Turn::held())).chain((0..ASKED).map(line));
    play(Script::new().on("turn/start", asks), |fake| {
        let busy = Arc::new(Mutex::new(()));
        let until_let = Arc::clone(&busy);
        let held = busy.lock().unwrap();
        let client = fake.client_with(|options| {
            options.request_handler = Some(Arc::new(move |_| drop(until_let.lock())));
        });
        let turn = start(&unannounced(&client, THREAD), "hello");
        let refusals = fake.answered(ASKED - 1024 - 1);
        assert!(refusals.iter().all(|line| line.contains("-32001")), "{}", refusals[0]);
        assert!(stat(client.connection(), "requestsOpen") <= 1024);
        drop(held);
        fake.answered(ASKED);
        drop(turn);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn ends_of_logins_that_nobody_began_occupy_nothing() {
    let flood = Flood {
        count: 50_000,
        method: Some("account/login/completed".into()),
        params: Some(json!({"loginId": "somebody", "success": false, "error": "x".repeat(1000)})),
        ..Flood::default()
    };
    let begun = json!({"type": "chatgpt", "loginId": "mine", "authUrl": "https://example.com"});
    let script = Script::new().on("account/login/start", [Action::flood(flood), Action::reply(begun)]);
    alone(move || {
        play(script, |fake| {
            let client = small(fake);
            let before = resident();
            let login = Login::start(&client, Flow::Browser).unwrap();
            assert_eq!(login.id().as_str(), "mine");
            let grown = resident().saturating_sub(before);
            assert!(grown < 16 << 20, "{grown} bytes for the ends of 50,000 logins");
        });
    });
}

fn wake(pid: u32) {
    let woken = Command::new("sh").args(["-c", &format!("kill -CONT {pid}")]).status().expect("a shell");
    assert!(woken.success(), "{woken}");
}

#[test]
fn what_a_runtime_does_not_read_is_refused_and_the_connection_goes_on() {
    let script = Script::new().on("pause", [Action::stop()]).on("near", [Action::reply("here")]);
    play(script, |fake| {
        let client = small(fake);
        client.begin_call("pause", None, Timeout::Never, 0).unwrap();
        let large = json!({"text": "x".repeat(1 << 20)}).to_string();
        let mut refusal = None;
        eventually("there is a ceiling", || {
            refusal = client.notify("large", Some(&large)).err();
            refusal.is_some()
        });
        let refusal = refusal.expect("a refusal");
        assert_eq!((refusal.status(), refusal.reason()), (Status::Overloaded, "outboxFull"), "{refusal}");
        assert_eq!(client.call("m", Some(&large), Timeout::Default).unwrap_err().reason(), "outboxFull");
        wake(fake.processes()[0]);
        eventually("there is room again", || client.notify("large", Some(&large)).is_ok());
        assert_eq!(ask(&client, "near").unwrap(), "here");
    });
}

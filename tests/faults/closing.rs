//! Clients that are closed while something is under way, and runtimes that do not want to go.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use codex::engine::client::{Client, Timeout};
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use fake_runtime::{Action, Flood, Script, SpawnChild, Turn};
use serde_json::json;

use crate::support::fake::{Fake, THREAD, ask, play, stat, unannounced};
use crate::support::follow::{PATIENCE, begin, end, events, eventually, listen, start, until, until_client};
use crate::support::real::{is_running, pid, runs};

/// What a busy machine may add to a patience.
const MARGIN: Duration = Duration::from_secs(10);

/// Closes a client and proves that its runtime is gone, in time.
fn closed(client: &Client, patience: Duration) {
    let (pid, begun) = (pid(client), Instant::now());
    client.close(patience).unwrap();
    assert!(begun.elapsed() < patience + MARGIN, "{:?}", begun.elapsed());
    assert!(!is_running(pid), "the runtime is gone when close returns");
}

fn held() -> Action {
    Action::turn(Turn { deltas: Some(vec!["half a sentence".into()]), ..Turn::held() })
}

fn ignores_everything() -> Script {
    Script::new().ignore_eof().ignore_term()
}

#[test]
fn a_runtime_ends_by_itself_when_its_input_ends() {
    play(Script::new(), |fake| {
        closed(&fake.client(), Duration::from_secs(30));
        assert!(fake.noted("#eof"));
        assert!(!fake.noted("#sigterm"));
    });
}

#[test]
fn a_runtime_that_ignores_the_end_of_its_input_is_told_to_end() {
    play(Script::new().ignore_eof(), |fake| {
        closed(&fake.client(), Duration::from_secs(1));
        assert!(fake.noted("#eof") && fake.noted("#sigterm"));
    });
}

#[test]
fn a_runtime_that_ignores_everything_is_killed_within_the_patience() {
    play(ignores_everything(), |fake| {
        closed(&fake.client(), Duration::from_secs(1));
        assert!(fake.noted("#eof") && fake.noted("#sigterm"));
    });
}

#[test]
fn without_patience_the_runtime_is_killed_at_once() {
    play(ignores_everything(), |fake| closed(&fake.client(), Duration::ZERO));
}

#[test]
fn closing_ends_a_turn_with_what_it_did() {
    play(Script::new().on("turn/start", [held()]), |fake| {
        let client = fake.client();
        let turn = start(&unannounced(&client, THREAD), "hello");
        until(&turn, EventKind::MessageDelta);
        closed(&client, PATIENCE);
        let (result, error) = end(&turn).not_completed();
        assert_eq!(error.status(), Status::Closed);
        assert_eq!(
            (&result["endedBy"], &result["partialResponse"]),
            (&json!("transportClosed"), &json!("half a sentence"))
        );
        assert_eq!(events(&turn).last().map(|event| event.kind()), Some(EventKind::TurnEnded));
    });
}

#[test]
fn closing_lets_go_of_whoever_waits() {
    play(Script::new().on("turn/start", [held()]).on("never", []), |fake| {
        let client = fake.client();
        let turns = ["a", "b"].map(|id| start(&unannounced(&client, id), "hello"));
        listen(&client);
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(end(&turns[0]).not_completed().1.status(), Status::Closed));
            scope.spawn(|| assert_eq!(events(&turns[1]).last().map(|event| event.kind()), Some(EventKind::TurnEnded)));
            scope.spawn(|| until_client(&client, |event| event.kind() == EventKind::Closed));
            scope
                .spawn(|| assert_eq!(client.call("never", None, Timeout::Never).unwrap_err().status(), Status::Closed));
            fake.called("never", 1);
            closed(&client, PATIENCE);
        });
    });
}

#[test]
fn closing_twice_or_from_many_threads_is_closing_once() {
    play(Script::new(), |fake| {
        let client = fake.client();
        thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| client.close(PATIENCE).unwrap()))));
        closed(&client, PATIENCE);
        assert_eq!(ask(&client, "m").unwrap_err().status(), Status::Closed);
        assert_eq!(fake.record().iter().filter(|line| *line == "#eof").count(), 1);
    });
}

/// Longer than any test.
const AGES: Duration = Duration::from_secs(3600);

#[test]
fn whoever_closes_without_patience_is_heeded_while_another_waits() {
    play(ignores_everything(), |fake| {
        let client = fake.client();
        thread::scope(|scope| {
            scope.spawn(|| client.close(AGES).unwrap());
            eventually("the runtime is told to end", || fake.noted("#eof"));
            closed(&client, Duration::ZERO);
        });
    });
}

#[test]
fn whoever_closes_without_patience_is_heeded_while_the_last_words_cannot_be_written() {
    play(goes_deaf(), |fake| {
        let client = deaf(fake);
        client.notify("much", Some(&much())).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| client.close(AGES).unwrap());
            eventually("the client is being closed", || client.notify("m", None).is_err());
            closed(&client, Duration::ZERO);
        });
    });
}

#[test]
fn of_those_who_close_at_once_the_least_patient_counts() {
    play(ignores_everything(), |fake| {
        let client = &fake.client();
        thread::scope(|scope| {
            for patience in [AGES, Duration::ZERO, AGES] {
                scope.spawn(move || closed(client, patience));
            }
        });
    });
}

/// A runtime that reads nothing any more.
fn deaf(fake: &Fake) -> Client {
    let client = fake.client();
    ask(&client, "stop").unwrap();
    client
}

fn goes_deaf() -> Script {
    Script::new().on("stop", [Action::stop_reading(), Action::reply(json!({}))]).ignore_term()
}

/// More than any pipe holds.
fn much() -> String {
    json!({"text": "x".repeat(10_000_000)}).to_string()
}

#[test]
fn a_client_that_cannot_write_is_closed_in_time() {
    play(goes_deaf(), |fake| {
        let client = deaf(fake);
        client.notify("much", Some(&much())).unwrap();
        closed(&client, Duration::from_secs(1));
    });
}

#[test]
fn a_call_that_cannot_be_written_times_out_or_ends_with_the_client() {
    play(goes_deaf(), |fake| {
        let client = deaf(fake);
        let error = client.call("much", Some(&much()), Timeout::After(Duration::from_millis(300))).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(client.call("more", None, Timeout::Never).unwrap_err().status(), Status::Closed));
            thread::sleep(Duration::from_millis(100));
            closed(&client, Duration::from_secs(1));
        });
    });
}

#[test]
fn a_client_whose_last_handle_is_dropped_ends_a_deaf_runtime_too() {
    play(goes_deaf(), |fake| {
        let client = deaf(fake);
        client.notify("much", Some(&much())).unwrap();
    });
}

#[test]
fn a_runtime_that_talks_on_and_on_is_closed_in_time() {
    let flood = Action::flood(Flood {
        count: u64::MAX,
        params: Some(json!({"x": "y"})),
        method: Some("future/flood".into()),
        ..Flood::default()
    });
    play(Script::new().on("talk", [Action::reply(json!({})), flood]).ignore_eof().ignore_term(), |fake| {
        let client = fake.client();
        ask(&client, "talk").unwrap();
        closed(&client, Duration::from_secs(1));
    });
}

#[test]
fn a_client_whose_queue_is_full_is_closed_in_time() {
    let flood = Action::flood(Flood { count: u64::MAX, ..Flood::default() });
    play(Script::new().on("turn/start", [Action::turn(Turn::held()), flood]), |fake| {
        let client = fake.client_with(|options| options.set_max_queued_bytes(1 << 20).unwrap());
        let turn = start(&unannounced(&client, THREAD), "hello");
        eventually("the queue is full", || stat(client.connection(), "queuedBytes") >= 1 << 20);
        closed(&client, Duration::from_secs(2));
        drop(turn);
    });
}

#[test]
fn a_turn_keeps_its_client_alive() {
    play(Script::new().on("turn/start", [Action::turn(Turn::held()), Action::wait_for("go")]), |fake| {
        let client = fake.client();
        let (runtime, thread) = (pid(&client), unannounced(&client, THREAD));
        let turn = start(&thread, "hello");
        drop((client, thread));
        turn.interrupt().unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
        drop(turn);
        eventually("the runtime is gone", || !is_running(runtime));
    });
}

#[test]
fn a_client_may_be_closed_before_its_runtime_is_ready() {
    play(Script::new().on("initialize", []), |fake| {
        let client = Arc::new(Client::begin(&fake.options()).unwrap());
        let waiting = Arc::clone(&client);
        let call = thread::spawn(move || ask(&waiting, "m").unwrap_err().status());
        let turn = begin(&unannounced(&client, THREAD), "hello");
        client.close(PATIENCE).unwrap();
        assert_eq!(call.join().unwrap(), Status::Closed);
        assert_eq!(end(&turn).not_completed().1.status(), Status::Closed);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_another_client_started_lives_on() {
    let command = ["sleep", "1000"].map(str::to_owned).to_vec();
    let child = Action::spawn_child(SpawnChild { command, new_session: true, ..SpawnChild::default() });
    play(Script::new().on("spawn", [child, Action::reply(json!({}))]), |fake| {
        let clients = [fake.client(), fake.client()];
        clients.iter().for_each(|client| drop(ask(client, "spawn").unwrap()));
        let children = fake.children();
        closed(&clients[0], PATIENCE);
        eventually("its child is ended", || !runs(children[0]));
        assert!(runs(children[1]));
        closed(&clients[1], PATIENCE);
    });
}

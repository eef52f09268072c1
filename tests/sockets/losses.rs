//! Connections that are lost, and what is left of them.

use codex::engine::client::Client;
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use fake_runtime::{Action, Script, Turn};
use serde_json::json;

use crate::support::fake::{THREAD, ask, details, play, unannounced};
use crate::support::follow::{count, end, eventually, listen, run, start, until, until_client};
use crate::support::listening::Listen;
use crate::support::real::thread_of;

fn half_said() -> Action {
    Action::turn(Turn { deltas: Some(vec!["half a ".into(), "sentence".into()]), ..Turn::held() })
}

fn dies_in_mid_turn() -> Script {
    Script::new().on("turn/start", [half_said(), Action::sleep_ms(20), Action::exit(7)])
}

#[track_caller]
fn assert_lost(error: &Error, url: &str) {
    assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"), "{error}");
    for part in [url, "was lost", "connect a new client, then resume the thread"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(details(error)["exitStatus"].is_null());
}

#[test]
fn a_runtime_that_dies_in_mid_turn_leaves_what_it_said() {
    for listen in [Listen::Unix, Listen::Tcp] {
        play(dies_in_mid_turn(), move |fake| {
            let server = fake.listen(listen);
            let client = Client::connect(&server.options()).unwrap();
            let (result, error) = run(&unannounced(&client, THREAD), "hello").not_completed();
            assert_lost(&error, server.url());
            assert_eq!((&result["endedBy"], &result["status"]), (&json!("transportClosed"), &json!("inProgress")));
            assert_eq!(result["partialResponse"], "half a sentence");
        });
    }
}

#[test]
fn every_turn_every_call_and_the_client_are_told_the_same() {
    play(Script::new().on("turn/start", [half_said()]).on("model/list", []), |fake| {
        let mut server = fake.listen(Listen::Tcp);
        let client = Client::connect(&server.options()).unwrap();
        listen(&client);
        let turns = ["a", "b"].map(|id| start(&unannounced(&client, id), "hello"));
        turns.iter().for_each(|turn| drop(until(turn, EventKind::MessageDelta)));
        std::thread::scope(|scope| {
            let call = scope.spawn(|| ask(&client, "model/list"));
            fake.called("model/list", 1);
            server.kill();
            assert_lost(&call.join().unwrap().unwrap_err(), server.url());
        });
        for turn in &turns {
            assert_lost(&end(turn).not_completed().1, server.url());
        }
        let closed = until_client(&client, |event| event.kind() == EventKind::Closed);
        assert_lost(closed.error().expect("it says why"), server.url());
        assert_lost(&ask(&client, "model/list").unwrap_err(), server.url());
    });
}

#[test]
fn nobody_connects_again_unless_asked_to() {
    play(dies_in_mid_turn(), |fake| {
        let server = fake.listen(Listen::Tcp);
        let client = Client::connect(&server.options()).unwrap();
        run(&unannounced(&client, THREAD), "hello").not_completed();
        for _ in 0..20 {
            ask(&client, "model/list").unwrap_err();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(fake.processes().len(), 1);
        let again = Client::connect(&server.options()).unwrap();
        assert_eq!(ask(&again, "nothing").unwrap_err().reason(), "unknownMethod");
        assert_eq!(fake.processes().len(), 2);
    });
}

#[test]
fn closing_a_client_leaves_the_runtime_alone() {
    play(Script::new(), |fake| {
        let server = fake.listen(Listen::Unix);
        let clients = [(); 3].map(|()| Client::connect(&server.options()).unwrap());
        let [first, second, third] = clients;
        first.close(crate::support::follow::PATIENCE).unwrap();
        drop(second);
        run(&thread_of(&third, json!({})), "go").completed();
        let fourth = Client::connect(&server.options()).unwrap();
        run(&thread_of(&fourth, json!({})), "go").completed();
    });
}

#[test]
fn a_client_that_is_freed_is_gone_with_its_socket_and_its_threads() {
    crate::support::alone::alone(|| {
        play(Script::new().on("turn/start", [Action::turn(Turn::held())]), |fake| {
            let server = fake.listen(Listen::Tcp);
            let used = || ["fd", "task"].map(|what| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count());
            let before = used();
            for _ in 0..20 {
                let client = Client::connect(&server.options()).unwrap();
                let turn = start(&unannounced(&client, THREAD), "go");
                until(&turn, EventKind::TurnStarted);
            }
            eventually("nothing is left", || used() == before);
        });
    });
}

#[test]
fn what_came_before_the_end_is_read_to_the_last_word() {
    let flood = Action::flood(fake_runtime::Flood { count: 20_000, ..fake_runtime::Flood::default() });
    play(Script::new().on("turn/start", [Action::turn(Turn::held()), flood, Action::exit(0)]), |fake| {
        let server = fake.listen(Listen::Tcp);
        let client = Client::connect(&server.options()).unwrap();
        let turn = start(&unannounced(&client, THREAD), "go");
        let seen = crate::support::follow::events(&turn);
        assert!(count(&seen, EventKind::MessageDelta) >= 20_000);
    });
}

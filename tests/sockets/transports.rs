//! Every transport is the same API.

use std::path::Path;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Scope};
use codex::engine::thread::Thread;
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, FinishTurn, Flood, Script, Turn};
use serde_json::json;

use crate::support::fake::{Fake, THREAD, ask, play, stat, unannounced};
use crate::support::follow::{
    PATIENCE, count, end, events, eventually, next, next_of_client, run, start, texts, until,
};
use crate::support::listening::Listen;
use crate::support::real::{Version, World, info, thread_of};

const BOTH: [Listen; 2] = [Listen::Unix, Listen::Tcp];

/// Plays a script to a client over each kind of socket.
fn over_sockets(script: Script, test: impl Fn(&Fake, &Client) + Send + Copy + 'static) {
    for listen in BOTH {
        play(script.clone(), move |fake| {
            let server = fake.listen(listen);
            let client = Client::connect(&server.options()).expect("the runtime listens");
            test(fake, &client);
            client.close(PATIENCE).unwrap();
        });
    }
}

/// Does something to a real runtime over each kind of socket.
fn over_real_sockets(test: impl Fn(&World, &Client)) {
    for listen in BOTH {
        let world = World::new(Version::Pinned);
        let server = world.listen(listen);
        let client = Client::connect(&server.options()).expect("the runtime listens");
        test(&world, &client);
        client.close(PATIENCE).unwrap();
    }
}

fn go(client: &Client) -> Handle {
    start(&unannounced(client, THREAD), "go")
}

#[test]
fn a_real_runtime_runs_and_streams_a_turn() {
    over_real_sockets(|world, client| {
        world.says([scripted_model::Response::text(["he", "llo"]), scripted_model::Response::text(["again"])]);
        let thread = thread_of(client, json!({}));
        let turn = start(&thread, "go");
        assert_eq!(texts(&events(&turn), EventKind::MessageDelta), ["he", "llo"]);
        assert_eq!(end(&turn).completed()["finalResponse"], "hello");
        assert_eq!(run(&thread, "more").completed()["finalResponse"], "again");
    });
}

#[test]
fn the_info_says_where_the_runtime_is_and_that_nobody_here_started_it() {
    for listen in BOTH {
        let world = World::new(Version::Pinned);
        let server = world.listen(listen);
        let client = Client::connect(&server.options()).unwrap();
        let info = info(&client);
        assert_eq!((&info["endpoint"], &info["version"]), (&json!(server.url()), &json!("0.169.0")));
        assert!(info["pid"].is_null() && info["executable"].is_null(), "{info}");
        assert!(Path::new(info["codexHome"].as_str().unwrap()).ends_with("codex"));
    }
}

#[test]
fn turns_run_and_stream() {
    over_sockets(Script::new(), |_, client| {
        let thread = thread_of(client, json!({}));
        run(&thread, "go").completed();
        let seen = events(&start(&thread, "go"));
        assert!(count(&seen, EventKind::MessageDelta) > 0);
        assert_eq!(seen.last().map(|event| event.kind()), Some(EventKind::TurnEnded));
    });
}

#[test]
fn an_approval_is_asked_and_answered() {
    let asks = Action::request(
        7,
        "item/commandExecution/requestApproval",
        json!({"threadId": "$threadId", "turnId": "$turnId", "itemId": "c"}),
    );
    let script = Script::new().on(
        "turn/start",
        [Action::turn(Turn::held()), asks, Action::wait_answer(7), Action::finish_turn(FinishTurn::default())],
    );
    over_sockets(script, |fake, client| {
        let turn = go(client);
        let request = until(&turn, EventKind::Request).take_request().expect("a request");
        request.answer(&Answer::Approve(Scope::Once)).unwrap();
        end(&turn).completed();
        assert_eq!(fake.answers(), [r#"{"id":7,"result":{"decision":"accept"}}"#]);
    });
}

#[test]
fn a_turn_is_steered_and_interrupted() {
    over_sockets(Script::new().on("turn/start", [Action::turn(Turn::held())]), |fake, client| {
        let turn = go(client);
        turn.steer(Some("left"), None).unwrap();
        assert_eq!(fake.called("turn/steer", 1)[0]["input"][0]["text"], "left");
        turn.interrupt().unwrap();
        assert_eq!(end(&turn).result["status"], "interrupted");
    });
}

#[test]
fn a_call_has_its_deadline() {
    over_sockets(Script::new().on("slow", []), |_, client| {
        let error = client.call("slow", None, Timeout::After(Duration::from_millis(100))).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
        assert_eq!(ask(client, "nothing").unwrap_err().reason(), "unknownMethod");
    });
}

#[test]
fn an_overloaded_runtime_is_asked_again() {
    let script = Script::new()
        .then_on("model/list", [Action::error(-32001, "Server overloaded; retry later.")])
        .then_on("model/list", [Action::reply(json!({"data": []}))]);
    over_sockets(script, |_, client| {
        assert_eq!(ask(client, "model/list").unwrap(), json!({"data": []}));
        assert_eq!(stat(client.connection(), "callsRetried"), 1);
    });
}

#[test]
fn a_client_that_was_begun_takes_calls_and_tells_when_it_is_connected() {
    for listen in BOTH {
        play(Script::new(), move |fake| {
            let server = fake.listen(listen);
            let client = Client::begin(&server.options()).unwrap();
            run(&thread_of(&client, json!({})), "go").completed();
            assert_eq!(next_of_client(&client).expect("an event").kind(), EventKind::Connected);
        });
    }
}

#[test]
fn a_hundred_threads_wait_for_turns_of_one_client() {
    over_sockets(Script::new(), |_, client| {
        let threads: Vec<Thread> = (0..100).map(|_| thread_of(client, json!({}))).collect();
        std::thread::scope(|scope| {
            for thread in &threads {
                scope.spawn(|| run(thread, "go").completed());
            }
        });
    });
}

#[test]
fn an_unread_turn_holds_the_runtime_back_and_loses_nothing() {
    const DELTAS: u64 = 40_000;
    let wide = Action::flood(Flood { count: DELTAS, text_bytes: 500, ..Flood::default() });
    let script = Script::new()
        .on("turn/start", [Action::turn(Turn::held()), wide, Action::finish_turn(FinishTurn::default())])
        .on("thread/read", [Action::reply(json!({}))]);
    for listen in BOTH {
        play(script.clone(), move |fake| {
            let server = fake.listen(listen);
            let mut options = server.options();
            options.set_max_queued_bytes(2 << 20).unwrap();
            let client = Client::connect(&options).unwrap();
            let turn = go(&client);
            eventually("the queue is full", || stat(client.connection(), "queuedBytes") >= 2 << 20);
            std::thread::sleep(Duration::from_millis(200));
            let peak = stat(client.connection(), "peakQueuedBytes");
            assert!(peak < 4 << 20, "{peak} bytes were queued");
            let deltas = std::iter::from_fn(|| next(&turn)).filter(|event| event.kind() == EventKind::MessageDelta);
            assert_eq!(deltas.map(|event| u64::from(event.merged())).sum::<u64>(), DELTAS);
        });
    }
}

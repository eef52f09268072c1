//! A connection to a runtime that others use too is recorded and played back as any other.

use std::path::Path;

use codex::engine::client::Client;
use codex::engine::client_options::ClientOptions;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Scope};
use codex::engine::thread::{Origin, Thread};
use fake_runtime::{Action, Script};
use scripted_model::Response;
use serde_json::json;

use crate::support::fake::{ask, play, stat};
use crate::support::follow::{PATIENCE, end, eventually, run, start, until};
use crate::support::listening::{Listen, options_for};
use crate::support::real::{World, on_both_runtimes, thread_of};

on_both_runtimes! {
    an_onlooker_is_played_back_as_it_was_recorded,
}

fn recorded(mut options: ClientOptions, file: &Path) -> ClientOptions {
    options.record = Some(file.into());
    options
}

fn played_back(file: &Path) -> ClientOptions {
    options_for(&format!("replay:{}", file.display()))
}

/// Sees the turn of somebody else ask for an approval, says nothing to that, and goes on.
fn look_on(options: &ClientOptions) {
    let client = Client::connect(options).unwrap();
    assert_eq!(ask(&client, "model/list").unwrap(), json!({"data": []}));
    assert_eq!(stat(client.connection(), "requestsReceived"), 1);
    ask_and_close(&client);
}

/// Whoever says something that was not recorded does not get so far.
fn ask_and_close(client: &Client) {
    ask(client, "model/list").unwrap();
    client.close(PATIENCE).unwrap();
}

#[test]
fn what_was_left_to_others_to_answer_is_left_when_it_is_played_back() {
    let theirs = json!({"threadId": "theirs", "turnId": "theirs", "itemId": "c", "command": "ls"});
    let asks = Action::request(7, "item/commandExecution/requestApproval", theirs);
    let list = Action::reply(json!({"data": []}));
    let script = Script::new().then_on("model/list", [asks, list.clone()]).then_on("model/list", [list]);
    for listen in [Listen::Unix, Listen::Tcp] {
        play(script.clone(), move |fake| {
            let (server, file) = (fake.listen(listen), fake.root().join("recording"));
            look_on(&recorded(server.options(), &file));
            assert_eq!(fake.answers(), [""; 0]);
            look_on(&played_back(&file));
        });
    }
}

#[test]
fn a_connection_that_was_lost_is_lost_again_when_it_is_played_back() {
    play(Script::new().on("crash", [Action::exit(3)]), |fake| {
        let (server, file) = (fake.listen(Listen::Unix), fake.root().join("recording"));
        for options in [recorded(server.options(), &file), played_back(&file)] {
            let client = Client::connect(&options).unwrap();
            let error = ask(&client, "crash").unwrap_err();
            assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"), "{error}");
            client.close(PATIENCE).unwrap();
        }
    });
}

/// Has a thread open on which somebody else is asked for an approval.
fn watch_a_thread(client: &Client, thread_id: &str, meanwhile: impl FnOnce()) {
    let limits = json!({"limits": {"timeoutMs": PATIENCE.as_millis()}}).to_string();
    let _thread = Thread::open(client, Origin::Stored(thread_id), Some(&limits)).unwrap();
    meanwhile();
    eventually("it is asked too", || stat(client.connection(), "requestsReceived") == 1);
}

fn an_onlooker_is_played_back_as_it_was_recorded(world: &World) {
    let (server, file) = (world.listen(Listen::Unix), world.root().join("recording"));
    let first = Client::connect(&server.options()).unwrap();
    let thread = thread_of(&first, json!({}));
    world.says([Response::text(["ready"])]);
    run(&thread, "hello").completed();
    let command = json!({"cmd": "true", "sandbox_permissions": "require_escalated", "justification": "to be asked"});
    world.says([Response::new().call_exec("call_1", command), Response::text(["done"])]);

    let onlooker = Client::connect(&recorded(server.options(), &file)).unwrap();
    watch_a_thread(&onlooker, thread.id().as_str(), || {
        let turn = start(&thread, "go");
        let request = until(&turn, EventKind::Request).take_request().expect("a request");
        eventually("it is asked too", || stat(onlooker.connection(), "requestsReceived") == 1);
        request.answer(&Answer::Approve(Scope::Once)).unwrap();
        assert_eq!(end(&turn).completed()["finalResponse"], "done");
    });
    ask_and_close(&onlooker);

    let replay = Client::connect(&played_back(&file)).unwrap();
    watch_a_thread(&replay, thread.id().as_str(), || ());
    ask_and_close(&replay);
}

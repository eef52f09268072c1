//! A client: what its options do, what can be watched, and how it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex::engine::client::{Client, Read, Timeout};
use codex::engine::client_options::{ClientInfo, ClientOptions, Inherit};
use codex::engine::connection::Deadline;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::log::Level;
use codex::engine::thread::Thread;
use codex::engine::transport::Direction;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::support::follow::{
    PATIENCE, begin, count, end, events, eventually, listen, method, next_of_client, parsed, run, soon, start, until,
    until_client,
};
use crate::support::real::{World, call, info, is_running, on_both_runtimes, pid, signal, stats, thread_of};

on_both_runtimes! {
    the_info_says_who_the_runtime_is,
    a_client_that_has_begun_takes_calls_before_it_is_connected,
    a_client_tells_when_it_is_connected,
    a_runtime_that_does_not_start_says_why,
    a_runtime_that_does_not_start_says_why_to_whoever_listens,
    a_runtime_that_is_not_there_is_not_found,
    commands_see_the_variables_of_the_options,
    without_inheritance_there_are_the_variables_of_the_options_only,
    configuration_overrides_count,
    the_runtime_starts_in_the_directory_of_the_options,
    the_name_of_the_client_reaches_the_provider,
    a_notification_that_was_opted_out_of_does_not_come,
    the_notifications_that_results_are_made_of_cannot_be_opted_out_of,
    what_the_runtime_writes_to_stderr_goes_to_the_log,
    a_login_with_a_key_is_used_until_the_logout,
    a_trace_shows_both_directions_without_secrets,
    a_reader_can_be_woken,
    two_clients_do_not_know_each_other,
    a_turn_ends_with_its_client_and_keeps_what_it_said,
    a_client_that_was_closed_is_gone,
    a_closed_client_ends_the_commands_of_its_turns,
    what_was_queued_can_be_read_after_the_end,
    closing_releases_whoever_waits,
    closing_from_another_thread_ends_a_run,
    the_runtime_lives_as_long_as_any_handle,
    freeing_a_running_turn_last_ends_the_runtime,
    a_killed_runtime_ends_the_turn_and_keeps_what_it_said,
    a_killed_runtime_is_told_to_the_client_and_to_every_later_call,
    a_killed_runtime_leaves_no_command_behind,
}

/// Starts a turn that has said "half" and will say nothing more.
fn start_half(world: &World, client: &Client) -> Turn {
    world.says([Response::new().message(Message::new("half").hang())]);
    let turn = start(&thread_of(client, json!({})), "go");
    until(&turn, EventKind::MessageDelta);
    turn
}

/// What a command of the runtime prints.
fn output(client: &Client, command: &str) -> String {
    let answer = call(client, "command/exec", json!({"command": ["/bin/sh", "-c", command]}));
    assert_eq!(answer["exitCode"], 0, "{answer}");
    answer["stdout"].as_str().expect("output").trim_end().to_owned()
}

fn the_info_says_who_the_runtime_is(world: &World) {
    let client = world.client();
    let info = info(&client);
    assert_eq!((&info["name"], &info["version"]), (&json!("libcodex"), &json!(world.version().number())));
    assert!(info["userAgent"].as_str().is_some_and(|agent| agent.starts_with("libcodex/")), "{info}");
    assert_eq!(info["codexHome"], world.codex_home().to_str().unwrap());
    assert_eq!(info["executable"], world.version().executable().to_str().unwrap());
    assert_eq!(info["platformFamily"], "unix");
    assert!(is_running(pid(&client)));
}

fn a_client_that_has_begun_takes_calls_before_it_is_connected(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = Client::begin(&world.options()).unwrap();
    assert!(client.info().is_none());
    let thread = thread_of(&client, json!({}));
    assert_eq!(info(&client)["version"], world.version().number());
    assert_eq!(run(&thread, "go").completed()["finalResponse"], "fine");
    client.close(PATIENCE).unwrap();
}

fn a_client_tells_when_it_is_connected(world: &World) {
    let client = Client::begin(&world.options()).unwrap();
    let connected = next_of_client(&client).expect("an event");
    assert_eq!(connected.kind(), EventKind::Connected);
    assert!(client.info().is_some());
    client.close(PATIENCE).unwrap();
}

/// Options with which the runtime ends at once and says why.
fn without_codex_home(world: &World) -> ClientOptions {
    ClientOptions { codex_home: Some("/nowhere/at/all".into()), ..world.options() }
}

fn a_runtime_that_does_not_start_says_why(world: &World) {
    let error = Client::connect(&without_codex_home(world)).unwrap_err();
    assert_eq!(error.status(), Status::RuntimeStart);
    let json = parsed(&error.to_json());
    assert!(json["stderrTail"].as_str().is_some_and(|tail| tail.contains("/nowhere/at/all")), "{json}");
    assert!(json["exitStatus"].as_str().is_some_and(|exit| exit.contains('1')), "{json}");
}

fn a_runtime_that_does_not_start_says_why_to_whoever_listens(world: &World) {
    let client = Client::begin(&without_codex_home(world)).unwrap();
    let closed = until_client(&client, |event| event.kind() == EventKind::Closed);
    assert_eq!(closed.error().map(|error| error.status()), Some(Status::RuntimeStart));
    let error = client.call("model/list", None, Timeout::Default).unwrap_err();
    assert_eq!(error.status(), Status::RuntimeStart);
}

fn a_runtime_that_is_not_there_is_not_found(world: &World) {
    let options = ClientOptions { codex_path: Some("/nowhere/codex".into()), ..world.options() };
    let error = Client::connect(&options).unwrap_err();
    assert_eq!(error.status(), Status::RuntimeNotFound);
    assert!(error.message().contains("/nowhere/codex (missing)"), "{error}");
}

fn commands_see_the_variables_of_the_options(world: &World) {
    let client = world.client_with(|options| {
        options.set_env("FLAVOUR", Some("sweet and sour")).unwrap();
        options.set_env("CODEX_PATH_OLD", None).unwrap();
    });
    let seen = output(&client, "echo \"$FLAVOUR,$CODEX_PATH_OLD,$CODEX_PATH\"");
    assert_eq!(seen, format!("sweet and sour,,{}", std::env::var("CODEX_PATH").unwrap()));
}

fn without_inheritance_there_are_the_variables_of_the_options_only(world: &World) {
    let client = world.client_with(|options| {
        options.inherit = Inherit::Nothing;
        options.set_env("FLAVOUR", Some("sweet")).unwrap();
    });
    assert_eq!(output(&client, "echo \"$FLAVOUR,$CODEX_PATH,$CODEX_PATH_OLD\""), "sweet,,");
}

fn configuration_overrides_count(world: &World) {
    let client = world.client_with(|options| options.add_config("model_reasoning_effort=\"low\"").unwrap());
    let thread = thread_of(&client, json!({}));
    assert_eq!(parsed(thread.info().as_str())["reasoningEffort"], "low");
}

fn the_runtime_starts_in_the_directory_of_the_options(world: &World) {
    let place = world.work().join("deeper");
    std::fs::create_dir(&place).unwrap();
    let client = world.client_with(|options| options.cwd = Some(place.clone()));
    let thread = thread_of(&client, json!({}));
    assert_eq!(parsed(thread.info().as_str())["cwd"], place.to_str().unwrap());
    assert_eq!(output(&client, "pwd"), place.to_str().unwrap());
}

fn the_name_of_the_client_reaches_the_provider(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = world.client_with(|options| {
        options.client_info =
            ClientInfo { name: "my_editor".into(), title: Some("My Editor".into()), version: "7.2".into() };
    });
    run(&thread_of(&client, json!({})), "go").completed();
    let request = &world.model.requests()[0];
    assert_eq!(request.header("originator"), Some("my_editor"));
    let agent = info(&client)["userAgent"].as_str().unwrap_or_default().to_owned();
    assert!(agent.starts_with("my_editor/") && agent.contains("(my_editor; 7.2)"), "{agent}");
}

fn a_notification_that_was_opted_out_of_does_not_come(world: &World) {
    world.says([Response::text(["he", "llo"])]);
    let client = world.client_with(|options| options.add_notification_opt_out("item/agentMessage/delta").unwrap());
    let turn = start(&thread_of(&client, json!({})), "go");
    let seen = events(&turn);
    assert_eq!(count(&seen, EventKind::MessageDelta), 0);
    assert_eq!(end(&turn).completed()["finalResponse"], "hello");
}

fn the_notifications_that_results_are_made_of_cannot_be_opted_out_of(world: &World) {
    let mut options = world.options();
    for method in ["turn/completed", "item/completed", "turn/started"] {
        assert_eq!(options.add_notification_opt_out(method).unwrap_err().status(), Status::InvalidArgument);
    }
}

fn what_the_runtime_writes_to_stderr_goes_to_the_log(world: &World) {
    let lines: Arc<Mutex<Vec<(Level, String, String)>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let client = world.client_with(|options| {
        options.set_env("RUST_LOG", Some("info")).unwrap();
        let sink =
            move |level, target: &str, line: &str| kept.lock().unwrap().push((level, target.into(), line.into()));
        options.log = Some((Level::Info, Arc::new(sink)));
    });
    thread_of(&client, json!({}));
    let of_the_runtime = || {
        let lines = lines.lock().unwrap();
        lines.iter().filter(|(_, target, _)| target == "codex::runtime").cloned().collect::<Vec<_>>()
    };
    eventually("the runtime logs", || of_the_runtime().iter().any(|(_, _, line)| line.contains("INFO")));
    for (level, _, line) in of_the_runtime() {
        assert_eq!(level, Level::Info);
        assert!(!line.contains('\u{1b}') && !line.contains('\n'), "{line:?}");
    }
}

/// The model wants the login of the account.
fn with_login(options: &mut ClientOptions) {
    options.add_config("model_providers.mock.requires_openai_auth=true").unwrap();
}

const KEY: &str = "sk-very-secret";

fn log_in(client: &Client) {
    let answer = call(client, "account/login/start", json!({"type": "apiKey", "apiKey": KEY}));
    assert_eq!(answer["type"], "apiKey");
}

fn a_login_with_a_key_is_used_until_the_logout(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = world.client_with(with_login);
    listen(&client);
    log_in(&client);
    let completed = until_client(&client, |event| method(event) == "account/login/completed");
    assert_eq!(parsed(completed.json_str())["success"], true);
    assert_eq!(call(&client, "account/read", json!({}))["account"]["type"], "apiKey");
    run(&thread_of(&client, json!({})), "go").completed();
    assert_eq!(world.model.requests()[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
    call(&client, "account/logout", json!({}));
    assert_eq!(call(&client, "account/read", json!({}))["account"], Value::Null);
}

fn a_trace_shows_both_directions_without_secrets(world: &World) {
    let lines: Arc<Mutex<Vec<(Direction, String)>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let client = world.client_with(|options| {
        with_login(options);
        let sink = move |direction, line: &str| kept.lock().unwrap().push((direction, line.into()));
        options.trace = Some(Arc::new(sink));
    });
    log_in(&client);
    call(&client, "account/read", json!({}));
    let shows = |direction, text: &str| {
        lines.lock().unwrap().iter().any(|(seen, line)| *seen == direction && line.contains(text))
    };
    eventually("the trace shows the last answer", || shows(Direction::Received, "\"requiresOpenaiAuth\""));
    assert!(shows(Direction::Sent, "\"initialize\"") && shows(Direction::Received, "\"userAgent\""));
    assert!(shows(Direction::Sent, "\"apiKey\":\"[removed]\""), "{lines:?}");
    assert!(!format!("{lines:?}").contains(KEY), "{lines:?}");
}

fn a_reader_can_be_woken(world: &World) {
    let client = world.client();
    let turn = start_half(world, &client);
    std::thread::scope(|scope| {
        let of_client = scope.spawn(|| client.next_event(Deadline::Never));
        let of_turn = scope.spawn(|| turn.next_event(Deadline::Never));
        std::thread::sleep(Duration::from_millis(50));
        client.wake().unwrap();
        turn.wake().unwrap();
        for reader in [of_client, of_turn] {
            assert!(matches!(reader.join().unwrap(), Ok(Read::TimedOut)));
        }
    });
}

fn two_clients_do_not_know_each_other(world: &World) {
    world.model.queue_for("apples", Response::text(["about apples"]));
    world.model.queue_for("pears", Response::text(["about pears"]));
    let clients = [world.client(), world.client()];
    assert_ne!(pid(&clients[0]), pid(&clients[1]));
    let turns = ["apples", "pears"].map(|topic| {
        let client = &clients[usize::from(topic == "pears")];
        start(&thread_of(client, json!({})), topic)
    });
    clients[0].close(PATIENCE).unwrap();
    let first = end(&turns[0]);
    assert!(first.error.is_none_or(|error| error.status() == Status::Closed));
    assert_eq!(end(&turns[1]).completed()["finalResponse"], "about pears");
}

fn a_turn_ends_with_its_client_and_keeps_what_it_said(world: &World) {
    let client = world.client();
    let turn = start_half(world, &client);
    let runtime = pid(&client);
    client.close(PATIENCE).unwrap();
    assert!(!is_running(runtime));
    let (result, error) = end(&turn).not_completed();
    assert_eq!(error.status(), Status::Closed);
    assert_eq!((&result["endedBy"], &result["partialResponse"]), (&json!("transportClosed"), &json!("half")));
    assert_eq!(result["id"], turn.id().as_str());
    assert_eq!(events(&turn).last().map(|event| event.kind()), Some(EventKind::TurnEnded));
}

fn a_client_that_was_closed_is_gone(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    client.close(PATIENCE).unwrap();
    client.close(PATIENCE).unwrap();
    assert_eq!(client.call("model/list", None, Timeout::Default).unwrap_err().status(), Status::Closed);
    assert_eq!(Turn::start(&thread, Some("go"), None).unwrap_err().status(), Status::Closed);
    assert_eq!(Thread::start(&client, None).unwrap_err().status(), Status::Closed);
}

/// Starts a turn whose command runs for ever in the background of a shell, and gives the process of that command.
fn start_command(world: &World, client: &Client) -> (Turn, u32) {
    let file = world.work().join("pid");
    let command = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
    world.says([Response::new().call_exec("call_1", json!({"cmd": command, "yield_time_ms": 30000}))]);
    let thread = thread_of(client, json!({"sandbox": "danger-full-access", "approvalMode": "denyAll"}));
    let turn = begin(&thread, "go");
    eventually("the command runs", || file.exists());
    (turn, read_number(file))
}

fn read_number(file: PathBuf) -> u32 {
    std::fs::read_to_string(file).unwrap().trim().parse().expect("a process id")
}

fn a_closed_client_ends_the_commands_of_its_turns(world: &World) {
    let client = world.client();
    let (turn, command) = start_command(world, &client);
    assert!(is_running(command));
    client.close(PATIENCE).unwrap();
    eventually("the command ends", || !is_running(command));
    assert_eq!(end(&turn).not_completed().1.status(), Status::Closed);
}

fn what_was_queued_can_be_read_after_the_end(world: &World) {
    let client = world.client();
    listen(&client);
    thread_of(&client, json!({}));
    client.begin_call("model/list", None, Timeout::Default, 0).unwrap();
    eventually("the answer is there", || stats(&client)["callsOutstanding"] == 0);
    client.close(PATIENCE).unwrap();
    let kinds: Vec<_> = std::iter::from_fn(|| next_of_client(&client)).map(|event| event.kind()).collect();
    assert!(kinds.contains(&EventKind::Response), "{kinds:?}");
    assert_eq!(kinds.iter().position(|kind| *kind == EventKind::Closed), Some(kinds.len() - 1), "{kinds:?}");
    assert!(matches!(client.next_event(soon()), Ok(Read::End)));
}

fn closing_releases_whoever_waits(world: &World) {
    let client = world.client();
    listen(&client);
    let turn = start_half(world, &client);
    std::thread::scope(|scope| {
        let sleep = json!({"command": ["sleep", "20"]}).to_string();
        let (caller, reader, waiter) = (client.clone(), client.clone(), &turn);
        let call = scope.spawn(move || caller.call("command/exec", Some(&sleep), Timeout::Never));
        let read = scope.spawn(move || until_client(&reader, |event| event.kind() == EventKind::Closed));
        let wait = scope.spawn(move || end(waiter).not_completed().1.status());
        std::thread::sleep(Duration::from_millis(100));
        client.close(PATIENCE).unwrap();
        assert_eq!(call.join().unwrap().unwrap_err().status(), Status::Closed);
        assert!(read.join().unwrap().error().is_none());
        assert_eq!(wait.join().unwrap(), Status::Closed);
    });
}

fn closing_from_another_thread_ends_a_run(world: &World) {
    world.says([Response::new().message(Message::new("half").gate("never"))]);
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&thread, "go").not_completed());
        world.model.gate("never").wait_until_reached(PATIENCE);
        client.close(PATIENCE).unwrap();
        let (result, error) = running.join().unwrap();
        assert_eq!((error.status(), &result["endedBy"]), (Status::Closed, &json!("transportClosed")));
    });
}

fn the_runtime_lives_as_long_as_any_handle(world: &World) {
    world.says([Response::text(["still here"])]);
    let client = world.client();
    let runtime = pid(&client);
    let thread = thread_of(&client, json!({}));
    drop(client);
    let turn = start(&thread, "go");
    drop(thread);
    assert_eq!(end(&turn).completed()["finalResponse"], "still here");
    assert!(is_running(runtime));
    drop(turn);
    eventually("the runtime ends", || !is_running(runtime));
}

fn freeing_a_running_turn_last_ends_the_runtime(world: &World) {
    let client = world.client();
    let runtime = pid(&client);
    let turn = start_half(world, &client);
    drop(client);
    assert!(is_running(runtime));
    drop(turn);
    eventually("the runtime ends", || !is_running(runtime));
}

fn a_killed_runtime_ends_the_turn_and_keeps_what_it_said(world: &World) {
    let client = world.client();
    let turn = start_half(world, &client);
    assert!(signal(pid(&client), "KILL"));
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"));
    assert!(parsed(&error.to_json())["exitStatus"].as_str().is_some_and(|exit| exit.contains('9')), "{error:?}");
    assert_eq!((&result["endedBy"], &result["partialResponse"]), (&json!("transportClosed"), &json!("half")));
}

fn a_killed_runtime_is_told_to_the_client_and_to_every_later_call(world: &World) {
    let client = world.client();
    listen(&client);
    let thread = thread_of(&client, json!({}));
    assert!(signal(pid(&client), "KILL"));
    let closed = until_client(&client, |event| event.kind() == EventKind::Closed);
    assert_eq!(closed.error().map(|error| error.status()), Some(Status::Transport));
    for _ in 0..2 {
        assert_eq!(client.call("model/list", None, Timeout::Default).unwrap_err().status(), Status::Transport);
        assert_eq!(Turn::start(&thread, Some("go"), None).unwrap_err().status(), Status::Transport);
    }
    client.close(PATIENCE).unwrap();
}

fn a_killed_runtime_leaves_no_command_behind(world: &World) {
    let client = world.client();
    let (turn, command) = start_command(world, &client);
    assert!(signal(pid(&client), "KILL"));
    assert_eq!(end(&turn).not_completed().1.status(), Status::Transport);
    eventually("the command ends", || !is_running(command));
}
